import { describe, expect, it, vi } from 'vitest'
import type { SubscribeOptions } from '@sse-toolkit/sse-server'
import { createTestHub, publishAll, subscribe } from './hub-readers.ts'
import { RecordingSink } from './recording-sink.ts'
import { turn } from './virtual-runtime.ts'

describe('options of one subscription', () => {
  it("take the place of the hub's", async () => {
    const { hub, runtime } = createTestHub({ heartbeatIntervalMs: 10_000, reconnectionTimeMs: 1000 })
    const usual = await subscribe(hub)
    const own = await subscribe(hub, {
      heartbeatIntervalMs: 1000,
      heartbeat: 'still here',
      reconnectionTimeMs: 50,
    })
    const undefinedOnes = await subscribe(hub, { heartbeatIntervalMs: undefined })
    await runtime.clock.advance(3000)
    expect(own.sink.text).toContain('retry: 50\n')
    expect(own.sink.text).toContain(': still here\n')
    for (const { sink } of [usual, undefinedOnes]) {
      expect(sink.text).toContain('retry: 1000\n')
      expect(sink.text).not.toContain(': still here\n')
    }
  })

  it('limit its buffer, and choose the policy beyond it', async () => {
    const { hub } = createTestHub()
    const sink = new RecordingSink()
    sink.reading = false
    const { gaps } = await subscribe(hub, { maxBufferedBytes: 100, slowConsumer: 'drop-oldest' }, sink)
    expect(gaps).toEqual([])
    await publishAll(hub, 'a', ...Array.from({ length: 50 }, (_, index) => `event ${index}`))
    await turn()
    expect(sink.ended).toBeUndefined()
    expect(hub.stats().bufferedBytes).toBeLessThan(1000)
  })

  it('signal ends a feed cleanly, and breaks off a finite topic', async () => {
    const { hub } = createTestHub()
    const controller = new AbortController()
    const { signal } = controller
    const onClose = vi.fn<(reason: string) => void>()
    await hub.run('job', async function* () {
      yield { data: '1' }
      await new Promise(() => undefined)
    })
    const feed = await subscribe(hub, { topics: ['a'], signal, onClose })
    const job = await subscribe(hub, { topics: ['job'], signal })
    controller.abort()
    await turn()
    expect([feed.sink.ended, job.sink.ended]).toEqual(['close', 'cut'])
    expect(onClose.mock.calls).toEqual([['server']])
    const late = await subscribe(hub, { topics: ['a'], signal })
    await turn()
    expect(late.sink.ended).toBe('close')
  })

  it('onClose is called once, with the reason, and may throw', async () => {
    const onError = vi.fn<(error: unknown) => void>()
    const { hub } = createTestHub()
    const onClose = vi.fn<(reason: string) => void>(() => {
      throw new Error('onClose')
    })
    const reader = await subscribe(hub, { onClose, onError })
    reader.sink.leave()
    reader.sink.leave()
    expect(onClose.mock.calls).toEqual([['client']])
    expect(onError).toHaveBeenCalledWith(new Error('onClose'))
  })

  it('leaves no listener on its signal once it is closed', async () => {
    const { hub } = createTestHub()
    const { signal } = new AbortController()
    const added: AbortSignal[] = []
    const listening: AbortSignal = Object.assign(signal, {
      addEventListener: (_type: string, _listener: unknown, options: { signal: AbortSignal }) => {
        added.push(options.signal)
      },
    })
    const reader = await subscribe(hub, { signal: listening })
    expect(added[0]?.aborted).toBe(false)
    reader.sink.leave()
    expect(added[0]?.aborted).toBe(true)
  })

  it.each([
    [{ heartbeatIntervalMs: -1 }, /heartbeatIntervalMs: expected/],
    [{ slowConsumer: 'wait' }, /slowConsumer: expected one of/],
    [{ signal: 1 }, /signal: expected an AbortSignal/],
    [{ onClose: 1 }, /onClose: expected a function/],
    [{ runtime: {} }, /runtime: expected a known option/],
    [{ retry: 1 }, /did you mean reconnectionTimeMs/],
  ])('are checked at the call: %j', async (options, message) => {
    const { hub } = createTestHub()
    await expect(subscribe(hub, options as unknown as SubscribeOptions)).rejects.toThrow(message)
  })
})
