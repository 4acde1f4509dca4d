import { describe, expect, it, vi } from 'vitest'
import { createHub, memoryLog } from '@sse-toolkit/sse-server'
import type { Hub, HubReading } from '@sse-toolkit/sse-server'
import { createResumableStreamContext } from '@sse-toolkit/sse-server/resumable-stream'
import type { ResumableStreamContext } from '@sse-toolkit/sse-server/resumable-stream'
import { createTestHub } from '../hub-readers.ts'
import { createTestLog, elapse } from '../test-logs.ts'
import { turn } from '../virtual-runtime.ts'

interface World {
  readonly hub: Hub
  readonly streams: ResumableStreamContext
  /** Readers of the hub that are under way. */
  readonly openReads: () => number
}

/** A context whose reads of the hub are counted. */
function countReads(hub: Hub): World {
  let open = 0
  async function* counted(
    readings: AsyncGenerator<HubReading, undefined>,
  ): AsyncGenerator<HubReading, undefined> {
    open += 1
    try {
      return yield* readings
    } finally {
      open -= 1
    }
  }
  const streams = createResumableStreamContext({
    hub: {
      run: (...args) => hub.run(...args),
      cancel: (topic) => hub.cancel(topic),
      topicState: (topic) => hub.topicState(topic),
      position: (topic) => hub.position(topic),
      read: (...args) => counted(hub.read(...args)),
    },
  })
  return { hub, streams, openReads: () => open }
}

function createWorld(): World {
  return countReads(createTestHub().hub)
}

/** A stream whose pieces come when the test says. */
function createSource(): {
  readonly stream: ReadableStream<string>
  readonly write: (...pieces: readonly string[]) => void
  readonly end: () => void
  readonly fail: (error: Error) => void
  readonly wasCancelled: () => boolean
} {
  let controller: ReadableStreamDefaultController<string> | undefined
  let cancelled = false
  const stream = new ReadableStream<string>({
    start: (each) => {
      controller = each
    },
    cancel: () => {
      cancelled = true
    },
  })
  return {
    stream,
    write: (...pieces) => pieces.forEach((piece) => controller?.enqueue(piece)),
    end: () => controller?.close(),
    fail: (error) => controller?.error(error),
    wasCancelled: () => cancelled,
  }
}

async function textOf(stream: ReadableStream<string> | null | undefined): Promise<string> {
  let text = ''
  for await (const piece of stream ?? []) text += piece
  return text
}

function readerOf(stream: ReadableStream<string> | null | undefined): ReadableStreamDefaultReader<string> {
  if (!stream) return expect.unreachable('there is a stream')
  return stream.getReader()
}

/** Reads until `length` characters have come. */
async function readSome(reader: ReadableStreamDefaultReader<string>, length: number): Promise<string> {
  let text = ''
  while (text.length < length) text += (await reader.read()).value ?? ''
  return text
}

describe('resumable streams over a hub', () => {
  it('give the whole stream to the reader that begins it and to readers that join', async () => {
    const { streams } = createWorld()
    const source = createSource()
    const first = await streams.resumableStream('a', () => source.stream)
    source.write('It', ' depends')
    const second = await streams.resumableStream('a', () => expect.unreachable('it runs already'))
    const third = await streams.resumeExistingStream('a')
    source.write(' on')
    source.end()
    expect(await Promise.all([first, second, third].map(textOf))).toEqual([
      'It depends on',
      'It depends on',
      'It depends on',
    ])
  })

  it('skip as many characters as a joining reader says it has, even ones not produced yet', async () => {
    const { streams } = createWorld()
    const source = createSource()
    await streams.createNewResumableStream('a', () => source.stream)
    source.write('01', '234')
    await turn()
    const joined = [0, 3, 5, 7, Number.NaN, -4].map((skip) => streams.resumeExistingStream('a', skip))
    const texts = Promise.all((await Promise.all(joined)).map(textOf))
    source.write('56', '789')
    source.end()
    expect(await texts).toEqual(['0123456789', '3456789', '56789', '789', '0123456789', '0123456789'])
  })

  it('give the whole stream to the reader that begins it, whatever position it sends', async () => {
    const { streams } = createWorld()
    const stream = await streams.resumableStream('a', () => ReadableStream.from(['0123']), 2)
    expect(await textOf(stream)).toBe('0123')
  })

  it('go on when the reader that began them leaves', async () => {
    const { streams, openReads } = createWorld()
    const source = createSource()
    const first = await streams.createNewResumableStream('a', () => source.stream)
    source.write('01')
    const reader = first?.getReader()
    expect(await reader?.read()).toEqual({ done: false, value: '01' })
    await reader?.cancel()
    expect(openReads()).toBe(0)
    source.write('23')
    const second = await streams.resumeExistingStream('a', 2)
    source.end()
    expect(await textOf(second)).toBe('23')
    expect(source.wasCancelled()).toBe(false)
  })

  it('report an unknown stream, a running stream, and null once the stream is over', async () => {
    const { streams } = createWorld()
    expect(await streams.hasExistingStream('a')).toBe(null)
    expect(await streams.resumeExistingStream('a')).toBe(undefined)
    const source = createSource()
    const first = await streams.createNewResumableStream('a', () => source.stream)
    expect(await streams.hasExistingStream('a')).toBe(true)
    source.end()
    expect(await textOf(first)).toBe('')
    expect(await streams.hasExistingStream('a')).toBe('DONE')
    expect(await streams.resumeExistingStream('a')).toBe(null)
    const makeStream = vi.fn<() => ReadableStream<string>>(() => source.stream)
    expect(await streams.resumableStream('a', makeStream)).toBe(null)
    expect(await streams.createNewResumableStream('a', makeStream)).toBe(null)
    expect(makeStream).not.toHaveBeenCalled()
  })

  it('are never run a second time, not even after they expired', async () => {
    const { runtime, hub } = createTestHub({ log: undefined })
    const streams = createResumableStreamContext({ hub, ttlMs: 1000 })
    await textOf(await streams.resumableStream('a', () => ReadableStream.from(['x'])))
    await elapse(runtime.clock, 1001)
    expect(await hub.topicState('resumable-stream.a')).toBe('expired')
    expect(await streams.hasExistingStream('a')).toBe('DONE')
    expect(await streams.resumeExistingStream('a')).toBe(null)
    expect(await streams.resumableStream('a', () => expect.unreachable('it has run'))).toBe(null)
  })

  it('are stopped for all readers: they end, the source is cancelled, and its signal aborts', async () => {
    const { streams } = createWorld()
    const source = createSource()
    let signal: AbortSignal | undefined
    const first = await streams.resumableStream('a', (context) => {
      signal = context.signal
      return source.stream
    })
    source.write('01')
    const second = await streams.resumeExistingStream('a')
    await turn()
    expect(await streams.stopExistingStream('a')).toBe(true)
    expect(await Promise.all([first, second].map(textOf))).toEqual(['01', '01'])
    await turn()
    expect(signal?.aborted).toBe(true)
    expect(source.wasCancelled()).toBe(true)
    expect(await streams.stopExistingStream('a')).toBe(false)
    expect(await streams.stopExistingStream('nothing')).toBe(false)
    expect(await streams.hasExistingStream('a')).toBe('DONE')
  })

  it.each(['', '.', '*', '>', 'a.b', 'a b', 'ä/%2E', '%', '\n', 'x'.repeat(200)])(
    'take %j as an id of its own',
    async (id) => {
      const { streams } = createWorld()
      const source = createSource()
      const first = await streams.createNewResumableStream(id, () => source.stream)
      source.write('own')
      expect(await streams.hasExistingStream(`${id}0`)).toBe(null)
      const second = await streams.resumeExistingStream(id)
      source.end()
      expect(await Promise.all([first, second].map(textOf))).toEqual(['own', 'own'])
    },
  )

  it.each(['\ud800', 'x'.repeat(300)])('refuse the id %j with a status', async (id) => {
    const { streams } = createWorld()
    const refused = { code: 'invalid-topic', status: 400 }
    await expect(streams.hasExistingStream(id)).rejects.toMatchObject(refused)
    await expect(streams.resumableStream(id, () => ReadableStream.from(['']))).rejects.toMatchObject(refused)
  })

  it('carry any text, in pieces that split a surrogate pair, and in pieces larger than an event', async () => {
    const { streams } = createWorld()
    const large = '😀'.repeat(700_000)
    const pieces = ['a\r\nb\r', '\n', 'x\ud83d', '\ude00y', '', large, 'end']
    const stream = await streams.resumableStream('a', () => ReadableStream.from(pieces))
    expect(await textOf(stream)).toBe(pieces.join(''))
    await turn()
  })

  it('hand `waitUntil` a promise that resolves when the stream has ended', async () => {
    const promises: Promise<unknown>[] = []
    const { hub } = createTestHub()
    const streams = createResumableStreamContext({ hub, waitUntil: (promise) => void promises.push(promise) })
    const source = createSource()
    await streams.resumableStream('a', () => source.stream)
    await streams.resumeExistingStream('a')
    expect(promises).toHaveLength(1)
    source.end()
    await promises[0]
    expect(await streams.hasExistingStream('a')).toBe('DONE')
  })

  it('refuse unknown options', () => {
    const { hub } = createTestHub()
    const wrong: readonly object[] = [
      {},
      { hub: {} },
      { hub, publisher: {} },
      { hub, waitUntil: 1 },
      { hub, ttlMs: -1 },
    ]
    for (const options of wrong)
      expect(() => createResumableStreamContext(options as { hub: Hub })).toThrow(
        expect.objectContaining({ code: 'invalid-option' }),
      )
    expect(() => createResumableStreamContext({ hub, keyPrefix: 'a.*' })).toThrow(
      expect.objectContaining({ code: 'invalid-topic' }),
    )
  })
})

describe('a resumable stream that does not reach its end', () => {
  const failures = [
    ['fails', ({ source }: { source: ReturnType<typeof createSource> }) => source.fail(new Error('secret'))],
    ['gives what is not text', ({ source }) => source.write(new Uint8Array(1) as unknown as string)],
  ] as const satisfies readonly (readonly [
    string,
    (world: { source: ReturnType<typeof createSource> }) => void,
  ])[]

  it.each(failures)('because its source %s is an error for every reader, then and later', async (_, fail) => {
    const onError = vi.fn<(error: unknown) => void>()
    const { hub } = createTestHub({ onError })
    const { streams, openReads } = countReads(hub)
    const source = createSource()
    const first = await streams.resumableStream('a', () => source.stream)
    source.write('01')
    const second = await streams.resumeExistingStream('a')
    const readers = [first, second].map(readerOf)
    expect(await Promise.all(readers.map((reader) => readSome(reader, 2)))).toEqual(['01', '01'])
    fail({ source })
    for (const reader of readers)
      await expect(reader.read()).rejects.toMatchObject({ code: 'failed', streamId: '"a"' })
    expect(onError).toHaveBeenCalledOnce()
    const late = readerOf(await streams.resumeExistingStream('a', 1))
    expect(await late.read()).toEqual({ done: false, value: '1' })
    await expect(late.read()).rejects.toMatchObject({
      code: 'failed',
      message: expect.not.stringContaining('secret') as string,
    })
    expect(await streams.hasExistingStream('a')).toBe('DONE')
    expect(openReads()).toBe(0)
  })

  it('because `makeStream` throws is an error of the stream, not of the call', async () => {
    const onError = vi.fn<(error: unknown) => void>()
    const { hub } = createTestHub({ onError })
    const streams = createResumableStreamContext({ hub })
    const stream = await streams.resumableStream('a', () => {
      throw new Error('no model')
    })
    await expect(textOf(stream)).rejects.toMatchObject({ code: 'failed' })
    expect(onError).toHaveBeenCalledWith(expect.objectContaining({ message: 'no model' }))
  })

  it('because its hub is closed is an error, and interrupted', async () => {
    const { hub } = createTestHub()
    const { streams, openReads } = countReads(hub)
    const source = createSource()
    const stream = await streams.resumableStream('a', () => source.stream)
    source.write('01')
    const reader = readerOf(stream)
    await readSome(reader, 2)
    const next = reader.read()
    await Promise.all([expect(next).rejects.toMatchObject({ code: 'interrupted' }), hub.close()])
    expect(source.wasCancelled()).toBe(true)
    expect(openReads()).toBe(0)
  })

  it('because its log no longer holds it is an error, and incomplete', async () => {
    const log = memoryLog({ maxHeldBytes: 1000 })
    const hub = createHub({ log })
    const streams = createResumableStreamContext({ hub })
    const source = createSource()
    const stream = await streams.resumableStream('a', () => source.stream)
    source.write('x'.repeat(500))
    source.end()
    await vi.waitFor(async () => expect(await streams.hasExistingStream('a')).toBe('DONE'))
    // Room for it is made at the cost of the one that has ended.
    await textOf(await streams.resumableStream('b', () => ReadableStream.from(['y'.repeat(800)])))
    await expect(textOf(stream)).rejects.toMatchObject({ code: 'incomplete' })
    expect(await streams.resumeExistingStream('a')).toBe(null)
    await hub.close()
    await log.close()
  })

  it('because its hub was closed before it was read is an error, and incomplete', async () => {
    const log = createTestLog()
    const { hub } = createTestHub({ log })
    const streams = createResumableStreamContext({ hub })
    const stream = await streams.resumableStream('a', () => ReadableStream.from(['x']))
    await hub.close()
    await expect(textOf(stream)).rejects.toMatchObject({
      code: 'incomplete',
      cause: expect.objectContaining({ code: 'hub-closed' }) as Error,
    })
  })
})

describe('the readers of a resumable stream', () => {
  it('hold no resources of the hub before they read and after they left', async () => {
    const { streams, openReads } = createWorld()
    const source = createSource()
    const unread = await streams.resumableStream('a', () => source.stream)
    expect(openReads()).toBe(0)
    await unread?.cancel()
    const waiting = readerOf(await streams.resumeExistingStream('a'))
    const next = waiting.read()
    await turn()
    expect(openReads()).toBe(1)
    // While the reader waits for the source's next piece.
    await waiting.cancel()
    expect(await next).toEqual({ done: true, value: undefined })
    expect(openReads()).toBe(0)
    source.end()
    await turn()
  })

  it('can read and stop the stream from another process on the log', async () => {
    const log = createTestLog()
    const [here, there] = [createTestHub({ log }), createTestHub({ log })]
    const ours = createResumableStreamContext({ hub: here.hub })
    const theirs = createResumableStreamContext({ hub: there.hub })
    const source = createSource()
    const first = await ours.createNewResumableStream('a', () => source.stream)
    source.write('01')
    const joined = await theirs.resumableStream('a', () => expect.unreachable('it runs elsewhere'), 1)
    const reader = readerOf(joined)
    expect(await reader.read()).toEqual({ done: false, value: '1' })
    expect(await theirs.stopExistingStream('a')).toBe(true)
    expect(await reader.read()).toEqual({ done: true, value: undefined })
    expect(await textOf(first)).toBe('01')
  })
})
