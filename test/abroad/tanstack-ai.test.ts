import {
  EventType,
  memoryStream,
  replayRunStream,
  resumeServerSentEventsResponse,
  toServerSentEventsResponse,
} from '@tanstack/ai'
import type { StreamChunk, StreamDurability } from '@tanstack/ai'
import { redisLog } from '@sse-toolkit/sse-redis'
import { createHub } from '@sse-toolkit/sse-server'
import { hubStream } from '@sse-toolkit/sse-server/tanstack-ai'
import { findRedisServer, startRedis } from '@sse-toolkit/test-support'
import type { StartedRedis } from '@sse-toolkit/test-support'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

// TanStack AI's own responses, over its own backend in memory, and over ours: both must give the same.

const server = findRedisServer()
let redis: StartedRedis
let namespaces = 0
const cleanups: (() => Promise<unknown>)[] = []

type Backend = (source: Request | { runId: string }) => StreamDurability

function onHub(log?: ReturnType<typeof redisLog>): Backend {
  const hub = createHub({ log })
  cleanups.push(async () => {
    await hub.close()
    await log?.close()
  })
  // That ours can be assigned to it is part of the test.
  return (source) => hubStream<StreamChunk>(hub, source)
}

/** What serves the first request, and what serves those that resume. */
const backends: Readonly<Record<string, () => readonly [Backend, Backend]>> = {
  'its own, in memory'() {
    return [(source) => memoryStream(source), (source) => memoryStream(source)]
  },
  'a hub in memory'() {
    const backend = onHub()
    return [backend, backend]
  },
  'two hubs on Redis'() {
    const namespace = `tanstack-${(namespaces += 1)}`
    return [onHub(redisLog({ url: redis.url, namespace })), onHub(redisLog({ url: redis.url, namespace }))]
  },
}

beforeAll(async () => {
  if (!server.skip) redis = await startRedis()
})
afterEach(async () => {
  for (const clean of cleanups.splice(0)) await clean()
})
afterAll(async () => redis?.[Symbol.asyncDispose]())

const text = ['It', ' depends', ' on', ' the', ' weather.']

/** An answer whose words come when the test says. */
async function* answer(runId: string, step: (index: number) => Promise<void>): AsyncGenerator<StreamChunk> {
  yield { type: EventType.RUN_STARTED, runId, threadId: 'thread', timestamp: 0 }
  for (const [index, delta] of text.entries()) {
    await step(index)
    yield { type: EventType.TEXT_MESSAGE_CONTENT, messageId: 'message', delta, timestamp: 0 }
  }
  yield { type: EventType.RUN_FINISHED, runId, threadId: 'thread', timestamp: 0 }
}

interface Received {
  readonly ids: readonly string[]
  /** Types, and words. */
  readonly chunks: readonly string[]
}

async function read(response: Response, count = Number.POSITIVE_INFINITY): Promise<Received> {
  expect(response.status).toBe(200)
  const ids: string[] = []
  const chunks: string[] = []
  let rest = ''
  for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const blocks = (rest + piece).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const [, id] = /^id: ?(.+)$/m.exec(block) ?? []
      const [, data = 'null'] = /^data: ?(.+)$/m.exec(block) ?? []
      const chunk = JSON.parse(data) as { type: string; delta?: string } | null
      if (chunk === null) continue
      if (id !== undefined) ids.push(id)
      chunks.push(chunk.delta ?? chunk.type)
    }
    if (chunks.length >= count) break
  }
  return { ids, chunks }
}

const whole = ['CUSTOM', 'RUN_STARTED', ...text, 'RUN_FINISHED']

describe.skipIf(server.skip).each(Object.entries(backends))('TanStack AI over %s', (_name, create) => {
  it('streams a run, joins it from the beginning, and resumes it after an id', async () => {
    const [produce, resume] = create()
    const runId = crypto.randomUUID()
    const steps = text.map(() => Promise.withResolvers<void>())
    const request = new Request('http://localhost/', { headers: { 'x-run-id': runId } })
    const first = read(
      toServerSentEventsResponse(
        answer(runId, async (index) => steps[index]?.promise),
        { durability: { adapter: produce(request) } },
      ),
    )
    steps[0]?.resolve()
    const joiner = resume(new Request(`http://localhost/?runId=${runId}&offset=-1`))
    await expect.poll(async () => (await joiner.snapshot()).length).toBeGreaterThan(1)
    const joined = read(resumeServerSentEventsResponse({ adapter: joiner }))
    for (const step of steps) step.resolve()
    const { ids, chunks } = await first
    expect(chunks).toEqual(whole)
    expect(await joined).toEqual({ ids, chunks: whole })

    const lastEventId = ids[2] ?? ''
    const later = resume(new Request('http://localhost/', { headers: { 'last-event-id': lastEventId } }))
    expect(await read(resumeServerSentEventsResponse({ adapter: later }))).toEqual({
      ids: ids.slice(3),
      chunks: whole.slice(3),
    })
    const replayed: string[] = []
    for await (const { type } of replayRunStream(resume({ runId }))) replayed.push(type)
    expect(replayed).toHaveLength(whole.length)
    expect(await resume({ runId }).snapshot()).toHaveLength(whole.length)
  })

  it('reports a failed run to every reader', async () => {
    const [produce, resume] = create()
    const runId = crypto.randomUUID()
    const request = new Request('http://localhost/', { headers: { 'x-run-id': runId } })
    const response = toServerSentEventsResponse(
      answer(runId, async (index) => {
        if (index === 2) throw new Error('The model is out of order')
      }),
      { durability: { adapter: produce(request) } },
    )
    const first = await read(response)
    expect(first.chunks.at(-1)).toBe('RUN_ERROR')
    const joiner = resume(new Request(`http://localhost/?runId=${runId}&offset=-1`))
    expect((await read(resumeServerSentEventsResponse({ adapter: joiner }))).chunks.at(-1)).toBe('RUN_ERROR')
  })
})
