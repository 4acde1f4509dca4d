import { createHub } from '@sse-toolkit/sse-server'
import type { Hub, SubscribeOptions } from '@sse-toolkit/sse-server'
import { createServer } from '@sse-toolkit/http-core/node'
import { EventSource as NpmEventSource } from 'eventsource'
import { createEventSource as createSanityEventSource } from 'eventsource-client'
import { createParser } from 'eventsource-parser'
import { EventSource as LaunchDarklyEventSource } from 'launchdarkly-eventsource'
import { EventSource as UndiciEventSource } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

// What a hub writes, as other people's parsers read it: the first block, ids, fields of ours, heartbeats, odd data.

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

describe.each(parsers)('%s', (_name, read) => {
  let hub: Hub
  let server: ReturnType<typeof createServer>
  let options: Partial<SubscribeOptions> = {}

  beforeAll(async () => {
    hub = createHub({ heartbeatIntervalMs: 20, reconnectionTimeMs: 50 })
    server = createServer({
      port: 0,
      fetch: (request) => hub.subscribe(request, { topics: ['a.1'], lastEventId: 'earliest', ...options }),
    })
    await server.listen()
    for (const each of data) await hub.publish('a.1', { data: each })
    await hub.publish('a.1', { event: 'paid', data: 'typed' })
  })
  afterAll(async () => {
    await hub.close()
    await server.close({ timeoutMs: 0 })
  })

  it.each<[string, Partial<SubscribeOptions>]>([
    ['as usual', {}],
    ['with the field topic, which it reads past', { topicField: true }],
    ["with wireContract: 'ids-only'", { wireContract: 'ids-only' }],
    ["with wireContract: 'off'", { wireContract: 'off' }],
  ])('reads what a hub writes %s', async (_how, given) => {
    options = given
    const reads = await read(server.url ?? '', data.length + 1)
    expect(reads.map(({ type, data: text }) => [type, text])).toEqual([
      ...data.map((each) => ['message', each]),
      ['paid', 'typed'],
    ])
    expect(reads.every(({ id }) => /^\w+-\d+$/.test(id))).toBe(true)
  })
})
