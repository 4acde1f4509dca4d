import { createHub } from '@sse-toolkit/sse-server'
import type { SubscribeOptions } from '@sse-toolkit/sse-server'
import { createServer } from '@sse-toolkit/http-core/node'
import { fetchEventSource } from '@microsoft/fetch-event-source'
import { EventSource as NpmEventSource } from 'eventsource'
import { createEventSource as createSanityEventSource } from 'eventsource-client'
import { createParser } from 'eventsource-parser'
import { EventSource as LaunchDarklyEventSource } from 'launchdarkly-eventsource'
import { EventSource as UndiciEventSource } from 'undici'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'

// A hub's stream as third-party parsers read it: the first block, ids, fields of ours, heartbeats, odd data.

interface Read {
  readonly type: string
  readonly data: string
  readonly id: string
}

/** Reads until as many events have come. */
type Parser = (url: string, count: number) => Promise<readonly Read[]>

interface StandardSource {
  addEventListener(
    type: string,
    listener: (event: { type: string; data: string; lastEventId: string }) => void,
  ): void
  close(): void
}

const types = ['message', 'paid']

function collect(open: (take: (read: Read) => void) => () => void, count: number): Promise<readonly Read[]> {
  return new Promise((resolve) => {
    const reads: Read[] = []
    const close = open((read) => {
      reads.push(read)
      if (reads.length < count) return
      close()
      resolve(reads)
    })
  })
}

const standard =
  (open: (url: string) => StandardSource): Parser =>
  (url, count) =>
    collect((take) => {
      const source = open(url)
      for (const type of types)
        source.addEventListener(type, ({ data, lastEventId }) => take({ type, data, id: lastEventId }))
      return () => source.close()
    }, count)

const parsers: readonly (readonly [string, Parser])[] = [
  ['undici', standard((url) => new UndiciEventSource(url))],
  ['eventsource', standard((url) => new NpmEventSource(url))],
  ['launchdarkly-eventsource', standard((url) => new LaunchDarklyEventSource(url))],
  [
    'eventsource-client',
    (url, count) =>
      collect((take) => {
        const source = createSanityEventSource({
          url,
          onMessage: ({ event = 'message', data, id = '' }) => take({ type: event, data, id }),
        })
        return () => source.close()
      }, count),
  ],
  [
    'eventsource-parser',
    async (url, count) => {
      const aborter = new AbortController()
      const { body } = await fetch(url, { signal: aborter.signal })
      const decoder = new TextDecoder()
      const reads: Read[] = []
      const parser = createParser({
        onEvent: ({ event = 'message', data, id = '' }) => void reads.push({ type: event, data, id }),
      })
      for await (const chunk of body ?? []) {
        parser.feed(decoder.decode(chunk as Uint8Array, { stream: true }))
        if (reads.length >= count) break
      }
      aborter.abort()
      return reads
    },
  ],
]

const data = ['plain', 'two\nlines', '', ' leading blank', 'é😀', '{"n":1}', ': no comment', 'data: no field']

/** A server whose hub has these events, and then one of the type `paid`. */
async function serving(): Promise<{ url: string; options: Partial<SubscribeOptions> }> {
  const hub = createHub({ heartbeatIntervalMs: 20, reconnectionTimeMs: 50 })
  const served: { url: string; options: Partial<SubscribeOptions> } = { url: '', options: {} }
  const server = createServer({
    port: 0,
    fetch: (request) =>
      hub.subscribe(request, { topics: ['a.1'], lastEventId: 'earliest', ...served.options }),
  })
  await server.listen()
  served.url = server.url ?? ''
  for (const each of data) await hub.publish('a.1', { data: each })
  await hub.publish('a.1', { event: 'paid', data: 'typed' })
  onTestFinished(async () => {
    await hub.close()
    await server.close({ timeoutMs: 0 })
  })
  return served
}

const expected = [...data.map((each) => ['message', each]), ['paid', 'typed']]

const extents: readonly (readonly [string, Partial<SubscribeOptions>])[] = [
  ['as usual', {}],
  ['with the field topic, which it reads past', { topicField: true }],
  ["with wireContract: 'ids-only'", { wireContract: 'ids-only' }],
  ["with wireContract: 'off'", { wireContract: 'off' }],
]

describe.each(parsers)('%s', (_name, read) => {
  it.each(extents)('reads the stream of a hub %s', async (_how, given) => {
    const served = await serving()
    served.options = given
    const reads = await read(served.url, expected.length)
    expect(reads.map(({ type, data: text }) => [type, text])).toEqual(expected)
    expect(reads.every(({ id }) => /^\w+-\d+$/.test(id))).toBe(true)
  })
})

// It hands on every block that a blank line ends, whether it has data or not: what says nothing in every other reader, a comment
// between two blank lines, is a message without data here.
describe('fetch-event-source', () => {
  // Made for pages, it asks `window` for fetch and timers, and listens to `document`.
  beforeAll(() => {
    vi.stubGlobal('window', globalThis)
    vi.stubGlobal('document', new EventTarget())
  })
  afterAll(() => void vi.unstubAllGlobals())

  const read: Parser = (url, count) =>
    collect((take) => {
      const aborter = new AbortController()
      void fetchEventSource(url, {
        signal: aborter.signal,
        openWhenHidden: true,
        onmessage: ({ event, data: text, id }) => take({ type: event || 'message', data: text, id }),
      })
      return () => aborter.abort()
    }, count)

  it("reads the stream of a hub with wireContract: 'off', without extra messages", async () => {
    const served = await serving()
    served.options = { wireContract: 'off' }
    const reads = await read(served.url, expected.length)
    expect(reads.map(({ type, data: text }) => [type, text])).toEqual(expected)
  })

  it('reads the default stream of a hub, with extra messages without data', async () => {
    const { url } = await serving()
    const reads = await read(url, expected.length + 1)
    const isSaying = ([, text]: readonly string[]): boolean => text !== ''
    expect(reads.map(({ type, data: text }) => [type, text]).filter(isSaying)).toEqual(
      expected.filter(isSaying),
    )
  })
})
