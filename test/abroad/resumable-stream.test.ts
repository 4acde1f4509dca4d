import { createClient } from '@redis/client'
import { createUIMessageStream, createUIMessageStreamResponse } from 'ai'
import { createResumableStreamContext as createOriginal } from 'resumable-stream/generic'
import type { ResumableStreamContext as OriginalContext } from 'resumable-stream/generic'
import { redisLog } from '@sse-toolkit/sse-redis'
import { createHub } from '@sse-toolkit/sse-server'
import { createResumableStreamContext } from '@sse-toolkit/sse-server/resumable-stream'
import { findRedisServer, startRedis } from '@sse-toolkit/test-support'
import type { StartedRedis } from '@sse-toolkit/test-support'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

// The usage that resumable-stream documents, over the original and over ours: both must give the same.

const server = findRedisServer()
let redis: StartedRedis
let namespaces = 0
const cleanups: (() => Promise<unknown> | void)[] = []

// Both are the original's type: that ours can be assigned to it is part of the test.
const contexts: Readonly<Record<'original' | 'memory' | 'redis', () => Promise<OriginalContext>>> = {
  async original() {
    const [publisher, subscriber] = await Promise.all(
      [1, 2].map(() => createClient({ url: redis.url }).connect()),
    )
    if (publisher === undefined || subscriber === undefined) throw new Error('two clients were asked for')
    cleanups.push(
      () => publisher.close(),
      () => subscriber.close(),
    )
    return createOriginal({
      waitUntil: null,
      keyPrefix: `original-${(namespaces += 1)}`,
      publisher,
      subscriber,
    })
  },
  async memory() {
    const hub = createHub()
    cleanups.push(() => hub.close())
    return createResumableStreamContext({ waitUntil: null, hub })
  },
  async redis() {
    const log = redisLog({ url: redis.url, namespace: `ours-${(namespaces += 1)}` })
    const hub = createHub({ log })
    cleanups.push(async () => {
      await hub.close()
      await log.close()
    })
    return createResumableStreamContext({ waitUntil: null, hub })
  },
}
const kinds = ['original', 'memory', 'redis'] as const

interface Source {
  readonly makeStream: () => ReadableStream<string>
  readonly write: (text: string) => void
  readonly end: () => void
  readonly made: () => number
}

/** The stream that the documentation calls `makeTestStream`; its pieces come when the test says. */
function createSource(): Source {
  const controllers: ReadableStreamDefaultController<string>[] = []
  const each = (act: (controller: ReadableStreamDefaultController<string>) => void): void =>
    controllers.forEach(act)
  return {
    makeStream: () => new ReadableStream({ start: (controller) => void controllers.push(controller) }),
    write: (text) => each((controller) => controller.enqueue(text)),
    end: () => each((controller) => controller.close()),
    made: () => controllers.length,
  }
}

function respond(stream: ReadableStream<string> | null | undefined): Response {
  if (!stream) return new Response('Stream is already done', { status: 422 })
  return new Response(stream.pipeThrough(new TextEncoderStream()), {
    headers: { 'Content-Type': 'text/event-stream' },
  })
}

function resumeAtOf(url: string): number | undefined {
  const resumeAt = new URL(url, 'http://localhost').searchParams.get('resumeAt')
  return resumeAt ? parseInt(resumeAt) : undefined
}

/** "Idempotent API". */
async function getIdempotent(
  context: OriginalContext,
  source: Source,
  streamId: string,
  url = '/',
): Promise<Response> {
  return respond(await context.resumableStream(streamId, source.makeStream, resumeAtOf(url)))
}

/** "Usage with explicit resumption". */
const explicit = {
  post: async (context: OriginalContext, source: Source, streamId: string): Promise<Response> =>
    respond(await context.createNewResumableStream(streamId, source.makeStream)),
  get: async (context: OriginalContext, streamId: string, url = '/'): Promise<Response> =>
    respond(await context.resumeExistingStream(streamId, resumeAtOf(url))),
}

/** Reads one piece, and leaves. */
async function glance(response: Response): Promise<string> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  const { value = '' } = (await reader?.read()) ?? {}
  await reader?.cancel()
  return value
}

async function outcome(response: Response): Promise<string> {
  return `${response.status} ${await response.text()}`
}

/** Each story gives what its users see. */
const stories: Readonly<Record<string, (context: OriginalContext) => Promise<unknown>>> = {
  async 'the idempotent API: one begins, two join, one comes when it is over'(context) {
    const source = createSource()
    const first = await getIdempotent(context, source, 'a')
    source.write('01')
    source.write('23')
    const whole = outcome(first)
    await expect.poll(() => context.hasExistingStream('a')).toBe(true)
    const second = await getIdempotent(context, source, 'a')
    const third = await getIdempotent(context, source, 'a', '/?resumeAt=3')
    const joined = [second, third].map(outcome)
    source.write('45')
    source.end()
    const texts = await Promise.all([whole, ...joined])
    await expect.poll(() => context.hasExistingStream('a')).toBe('DONE')
    return [texts, await outcome(await getIdempotent(context, source, 'a')), source.made()]
  },
  async 'explicit resumption: before it begins, while it runs, and when it is over'(context) {
    const source = createSource()
    const before = [await context.resumeExistingStream('a'), await context.hasExistingStream('a')]
    const first = outcome(await explicit.post(context, source, 'a'))
    source.write('0123')
    const second = outcome(await explicit.get(context, 'a', '/?resumeAt=2'))
    const third = outcome(await explicit.get(context, 'a', '/?resumeAt=nonsense'))
    source.write('45')
    source.end()
    const texts = await Promise.all([first, second, third])
    await expect.poll(() => context.hasExistingStream('a')).toBe('DONE')
    const after = [await context.resumeExistingStream('a'), await outcome(await explicit.get(context, 'a'))]
    return [before, texts, after]
  },
  async 'the reader that began it leaves, and another gets it whole'(context) {
    const source = createSource()
    const first = await explicit.post(context, source, 'a')
    source.write('01')
    const glimpse = await glance(first)
    source.write('23')
    const second = outcome(await explicit.get(context, 'a'))
    source.write('45')
    source.end()
    return [glimpse, await second]
  },
  async 'the empty id, and one with signs of every kind'(context) {
    const texts: string[] = []
    for (const id of ['', 'user:7/chat.*>{ä}']) {
      const source = createSource()
      const first = outcome(await explicit.post(context, source, id))
      source.write(`of ${id}`)
      const second = outcome(await explicit.get(context, id))
      source.end()
      texts.push(await first, await second)
    }
    return texts
  },
}

beforeAll(async () => {
  if (!server.skip) redis = await startRedis()
})
afterEach(async () => {
  for (const clean of cleanups.splice(0)) await clean()
})
afterAll(async () => redis?.[Symbol.asyncDispose]())

describe.skipIf(server.skip)('the documented behaviour of resumable-stream', () => {
  it.each(Object.entries(stories))('%s', async (_name, story) => {
    const expected = await story(await contexts.original())
    expect(JSON.stringify(expected)).toMatch(/200|of /)
    expect(await story(await contexts.memory())).toEqual(expected)
    expect(await story(await contexts.redis())).toEqual(expected)
  })
})

/** "Chatbot Resume Streams" of the AI SDK. */
describe.skipIf(server.skip)('the recipe of the AI SDK', () => {
  it.each(kinds)('gives a reopened page the answer from its beginning (%s)', async (kind) => {
    const context = await contexts[kind]()
    const steps = [0, 1, 2].map(() => Promise.withResolvers<void>())
    const first = createUIMessageStreamResponse({
      stream: createUIMessageStream({
        async execute({ writer }) {
          writer.write({ type: 'text-start', id: '0' })
          for (const [index, step] of steps.entries()) {
            await step.promise
            writer.write({ type: 'text-delta', id: '0', delta: String(index) })
          }
          writer.write({ type: 'text-end', id: '0' })
        },
      }),
      async consumeSseStream({ stream }) {
        await context.createNewResumableStream('answer', () => stream)
      },
    })
    steps[0]?.resolve()
    await glance(first)
    await expect.poll(() => context.hasExistingStream('answer')).toBe(true)
    const resumed = await context.resumeExistingStream('answer')
    const text = outcome(respond(resumed))
    for (const step of steps) step.resolve()
    expect((await text).match(/(?<="delta":")./g)?.join('')).toBe('012')
    expect((await text).endsWith('data: [DONE]\n\n')).toBe(true)
    await expect.poll(() => context.hasExistingStream('answer')).toBe('DONE')
    expect(await context.resumeExistingStream('answer')).toBe(null)
  })
})

// Each of these is a row of the table in the README of sse-server.
describe.skipIf(server.skip)('where ours differs from resumable-stream', () => {
  it.each(kinds)('a reader that is ahead of the stream gets nothing twice (%s)', async (kind) => {
    const context = await contexts[kind]()
    const source = createSource()
    const first = outcome(await explicit.post(context, source, 'a'))
    source.write('01')
    const ahead = explicit.get(context, 'a', '/?resumeAt=4').then(outcome)
    // The original answers a joining reader only after sending it the text so far.
    if (kind === 'original') await expect.poll(() => context.hasExistingStream('a')).toBe(true)
    const joined = await explicit.get(context, 'a')
    source.write('23')
    source.write('45')
    source.end()
    expect([await first, await outcome(joined)]).toEqual(['200 012345', '200 012345'])
    expect(await ahead).toBe(kind === 'original' ? '200 2345' : '200 45')
  })

  it.each(kinds)('an id that is running is not run again (%s)', async (kind) => {
    const context = await contexts[kind]()
    const source = createSource()
    const first = outcome(await explicit.post(context, source, 'a'))
    source.write('01')
    const second = outcome(await explicit.post(context, source, 'a'))
    source.write('23')
    source.end()
    expect(source.made()).toBe(kind === 'original' ? 2 : 1)
    expect([await first, await second]).toEqual(['200 0123', kind === 'original' ? '200 23' : '200 0123'])
  })

  it('a stream can be stopped, also by another process', async () => {
    const namespace = `ours-${(namespaces += 1)}`
    const [here, there] = [1, 2].map(() => {
      const log = redisLog({ url: redis.url, namespace })
      const hub = createHub({ log })
      cleanups.push(async () => {
        await hub.close()
        await log.close()
      })
      return createResumableStreamContext({ hub })
    })
    const source = createSource()
    const first = await here?.createNewResumableStream('a', source.makeStream)
    source.write('01')
    expect(await glance(respond(await there?.resumeExistingStream('a')))).toBe('01')
    const joined = await there?.resumeExistingStream('a')
    expect(await there?.stopExistingStream('a')).toBe(true)
    expect(await Promise.all([first, joined].map((stream) => outcome(respond(stream))))).toEqual([
      '200 01',
      '200 01',
    ])
    expect(await here?.hasExistingStream('a')).toBe('DONE')
  })
})
