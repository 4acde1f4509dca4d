import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { createEventQueue } from '../src/delivery/event-queue.ts'
import type { EventQueue, QueueOverflowPolicy } from '../src/delivery/event-queue.ts'

function makeQueue(policy: QueueOverflowPolicy = 'pause'): { queue: EventQueue<string>; levels: boolean[] } {
  const levels: boolean[] = []
  const queue: EventQueue<string> = createEventQueue<string>(
    100,
    policy,
    () => levels.push(queue.isFull),
    (firstKept) => `gap before ${firstKept}`,
  )
  return { queue, levels }
}

async function takeAll(queue: EventQueue<string>, count: number): Promise<(string | undefined)[]> {
  const taken: (string | undefined)[] = []
  for (let index = 0; index < count; index += 1) taken.push(queue.takeNow() ?? (await queue.take()))
  return taken
}

describe('an event queue', () => {
  it('the queue gives items in order, whether they are requested before or after the push', async () => {
    const { queue } = makeQueue()
    const early = [queue.take(), queue.take()]
    for (const item of ['a', 'b', 'c']) queue.push(item, 1)
    expect(await Promise.all([...early, queue.take()])).toEqual(['a', 'b', 'c'])
  })

  it('the queue gives waiting items and then the end', async () => {
    const { queue } = makeQueue()
    queue.push('a', 1)
    queue.end()
    queue.push('too late', 1)
    expect(await takeAll(queue, 3)).toEqual(['a', undefined, undefined])
  })

  it('the queue gives waiting items, then rejects once, then ends', async () => {
    const { queue } = makeQueue()
    queue.push('a', 1)
    queue.end(new Error('gone'))
    expect(await queue.take()).toBe('a')
    expect(queue.takeNow()).toBeUndefined()
    await expect(queue.take()).rejects.toThrow('gone')
    expect(await queue.take()).toBeUndefined()
  })

  it('the queue rejects in its turn for a pushed failure, and goes on', async () => {
    const { queue } = makeQueue()
    queue.push('a', 1)
    queue.fail(new Error('bad'))
    queue.push('b', 1)
    expect(await queue.take()).toBe('a')
    await expect(queue.take()).rejects.toThrow('bad')
    expect(await queue.take()).toBe('b')
  })

  it('clearing the queue drops waiting items and ends pending requests', async () => {
    const { queue } = makeQueue()
    queue.push('a', 1)
    queue.clear()
    const taken = queue.take()
    queue.end()
    expect(await taken).toBeUndefined()
    expect(queue.isEmpty).toBe(true)
  })

  it('the queue keeps order and memory over many items', async () => {
    const { queue } = makeQueue()
    let next = 0
    for (let round = 0; round < 500; round += 1) {
      for (let index = 0; index < 7; index += 1) queue.push(String(round * 7 + index), 0)
      for (let index = 0; index < 7; index += 1) expect(queue.takeNow()).toBe(String(next++))
    }
    expect(queue.isEmpty).toBe(true)
  })

  it('the queue does not keep items that were taken', async () => {
    setFlagsFromString('--expose-gc')
    const collectGarbage = runInNewContext('gc') as () => void
    const queue = createEventQueue<object>(
      100,
      'pause',
      () => {},
      (firstKept) => firstKept,
    )
    // Not the objects themselves: they would live as long as this function.
    const takeOne = async (): Promise<WeakRef<object>> => {
      queue.push({ n: 1 }, 1)
      return new WeakRef((await queue.take()) ?? {})
    }
    const taken = [await takeOne(), await takeOne(), await takeOne()]
    // A WeakRef holds its object for the rest of the turn that made it.
    await new Promise(setImmediate)
    collectGarbage()
    expect(taken.map((each) => each.deref())).toEqual([undefined, undefined, undefined])
  })

  it('the queue gives one item that is larger than the limit', async () => {
    for (const policy of ['pause', 'drop-oldest'] as const) {
      const { queue } = makeQueue(policy)
      queue.push('huge', 1000)
      expect(await queue.take()).toBe('huge')
    }
  })
})

describe('beyond the limit', () => {
  it('under pause, the queue is full until half of it has been taken', async () => {
    const { queue, levels } = makeQueue('pause')
    for (const item of ['a', 'b', 'c', 'd']) queue.push(item, 30)
    expect(levels).toEqual([true])
    await takeAll(queue, 2)
    expect(queue.isFull).toBe(true)
    await takeAll(queue, 1)
    expect(levels).toEqual([true, false])
  })

  it('under drop-oldest, the oldest items make room, and one notice takes their place', async () => {
    const { queue, levels } = makeQueue('drop-oldest')
    for (const item of ['a', 'b', 'c', 'd', 'e']) queue.push(item, 30)
    expect(await takeAll(queue, 4)).toEqual(['gap before c', 'c', 'd', 'e'])
    queue.push('f', 30)
    expect(await queue.take()).toBe('f')
    expect(levels).toEqual([])
  })

  it('under fail, a push beyond the limit reports it, and waiting items can still be taken', async () => {
    const { queue } = makeQueue('fail')
    expect(['a', 'b', 'c', 'd'].map((item) => queue.push(item, 30))).toEqual([true, true, true, false])
    expect(await queue.take()).toBe('a')
  })
})
