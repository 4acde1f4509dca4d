/* eslint-disable unicorn/prefer-add-event-listener -- on* is part of what is tested. */
import { EventSource } from '../../src/index.ts'
import type { EventSourceErrorEvent, EventSourceInit } from '../../src/index.ts'
import { scenarioUrl, seenRequests } from './scenario.ts'
import type { ScenarioResponse, ScenarioServer, SeenRequest } from './scenario.ts'

/*
 * The observable behaviour of the standard's EventSource, as cases that run wherever the class runs: each throws if it
 * does not hold. Node and the browser register the same list.
 */

export interface ConformanceCase {
  /** A sentence, and the section of the standard that it is from. */
  readonly name: string
  readonly run: (server: ScenarioServer) => Promise<void>
}

function equal(actual: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (a !== b) throw new Error(`${a} is not ${b}`)
}

/** One source on a scenario, closed when the case is over. */
interface Play extends Disposable {
  readonly source: EventSource
  /** What was dispatched so far. */
  readonly log: string[]
  /** Resolves when the log ends with the entry, or has it at all. */
  readonly until: (entry: string) => Promise<void>
  readonly requests: () => Promise<SeenRequest[]>
  [Symbol.dispose](): void
}

/** @param types - Events to log in addition to open, error and message. */
function play(
  server: ScenarioServer,
  responses: readonly ScenarioResponse[],
  types: readonly string[] = [],
  options: { init?: EventSourceInit; origin?: string } = {},
): Play {
  const { url, key } = scenarioUrl(options.origin ?? server.origin, responses)
  const source = new EventSource(url, options.init)
  const log: string[] = []
  const waiting = new Map<string, () => void>()
  const add = (entry: string): void => {
    log.push(entry)
    waiting.get(entry)?.()
  }
  source.addEventListener('open', () => add(`open ${source.readyState}`))
  source.addEventListener('error', () => add(`error ${source.readyState}`))
  for (const type of ['message', ...types])
    source.addEventListener(type, (event) => add(`${type} ${String(event.data)}`))
  return {
    source,
    log,
    until: (entry) =>
      log.includes(entry)
        ? Promise.resolve()
        : new Promise((resolve, reject) => {
            waiting.set(entry, resolve)
            setTimeout(() => reject(new Error(`no "${entry}" in 5 s, but ${JSON.stringify(log)}`)), 5000)
          }),
    requests: () => seenRequests(server.origin, key),
    [Symbol.dispose]: () => source.close(),
  }
}

const stream = (...chunks: string[]): ScenarioResponse => ({ chunks })
const ended = (...chunks: string[]): ScenarioResponse => ({ chunks, finally: 'end' })
const pause = (durationMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, durationMs))
const END = 'data: end\n\n'

/** Everything that the events of a stream say. */
async function dispatched(
  server: ScenarioServer,
  response: ScenarioResponse,
  types: string[] = [],
): Promise<string[]> {
  using played = play(server, [response], types)
  const { source, log, until } = played
  await until('message end')
  source.close()
  return log.filter((entry) => entry !== 'open 1' && entry !== 'message end')
}

/** Where it says so. */
const spec = {
  theInterface: 'HTML 9.2.2, The EventSource interface',
  processing: 'HTML 9.2.3, Processing model',
  lastEventId: 'HTML 9.2.4, The Last-Event-ID header',
  parsing: 'HTML 9.2.5, Parsing an event stream',
  interpretation: 'HTML 9.2.6, Interpreting an event stream',
  handlers: 'HTML, Event handlers',
  eventTarget: 'DOM, Interface EventTarget',
  idl: 'Web IDL',
  redirects: 'Fetch, HTTP-redirect fetch',
  beyond: 'beyond the standard',
} as const

type Case = [section: (typeof spec)[keyof typeof spec], name: string, run: ConformanceCase['run']]

const cases: Case[] = [
  [
    spec.theInterface,
    'the constructor resolves and serializes the URL',
    async (server) => {
      const source = new EventSource(`${server.origin}/a/../b c#d`)
      equal(source.url, `${server.origin}/b%20c#d`)
      source.close()
    },
  ],
  [
    spec.theInterface,
    'the constructor takes a URL object',
    async (server) => {
      const source = new EventSource(new URL('/x', server.origin))
      equal(source.url, `${server.origin}/x`)
      source.close()
    },
  ],
  [
    spec.theInterface,
    'the constructor throws a SyntaxError for a URL that does not parse',
    async () => {
      try {
        void new EventSource('http://[')
      } catch (error) {
        equal([error instanceof DOMException, (error as DOMException).name], [true, 'SyntaxError'])
        return
      }
      throw new Error('nothing was thrown')
    },
  ],
  [
    spec.idl,
    'the constructor throws a TypeError without arguments',
    async () => {
      try {
        // @ts-expect-error -- what JavaScript may do
        void new EventSource()
      } catch (error) {
        equal(error instanceof TypeError, true)
        return
      }
      throw new Error('nothing was thrown')
    },
  ],
  [
    spec.idl,
    'the constructor throws a TypeError without `new`',
    async (server) => {
      try {
        Reflect.apply(EventSource as unknown as () => void, undefined, [server.origin])
      } catch (error) {
        equal(error instanceof TypeError, true)
        return
      }
      throw new Error('nothing was thrown')
    },
  ],
  [
    spec.idl,
    'the constructor takes null and undefined for empty options',
    async (server) => {
      for (const init of [null, undefined]) {
        const source = new EventSource(server.origin, init)
        equal(source.withCredentials, false)
        source.close()
      }
    },
  ],
  [
    spec.theInterface,
    'withCredentials says what was asked',
    async (server) => {
      const source = new EventSource(server.origin, { withCredentials: true })
      equal(source.withCredentials, true)
      source.close()
    },
  ],
  [
    spec.theInterface,
    'an EventSource is an EventTarget, and says its name',
    async (server) => {
      const source = new EventSource(server.origin)
      equal(
        [source instanceof EventTarget, Object.prototype.toString.call(source)],
        [true, '[object EventSource]'],
      )
      source.close()
    },
  ],
  [
    spec.idl,
    'the constants are on the class and its instances, and cannot be changed; only the URL is required',
    async (server) => {
      const source = new EventSource(server.origin)
      for (const holder of [EventSource, source, EventSource.prototype])
        equal([holder.CONNECTING, holder.OPEN, holder.CLOSED], [0, 1, 2])
      equal(Reflect.set(EventSource, 'OPEN', 5), false)
      equal(Reflect.set(EventSource.prototype, 'OPEN', 5), false)
      equal(EventSource.length, 1)
      source.close()
    },
  ],
  [
    spec.idl,
    'the attributes cannot be set',
    async (server) => {
      const source = new EventSource(server.origin)
      for (const name of ['url', 'readyState', 'withCredentials'])
        equal(Reflect.set(source, name, 'x'), false)
      source.close()
    },
  ],
  [
    spec.theInterface,
    'readyState is CONNECTING, then OPEN, then CLOSED',
    async (server) => {
      using played = play(server, [stream()])
      const { source, until } = played
      equal(source.readyState, 0)
      await until('open 1')
      source.close()
      equal(source.readyState, 2)
    },
  ],
  [
    spec.processing,
    'nothing is dispatched before the constructor has returned',
    async (server) => {
      using played = play(server, [stream('data: a\n\n')])
      const { log, until } = played
      await until('message a')
      equal(log, ['open 1', 'message a'])
    },
  ],
  [
    spec.processing,
    'open is a plain event that neither bubbles nor can be cancelled',
    async (server) => {
      using played = play(server, [stream()])
      const { source } = played
      const event = await new Promise<Event>((resolve) => {
        source.onopen = resolve
      })
      equal(
        [event.type, event.bubbles, event.cancelable, event.target === source],
        ['open', false, false, true],
      )
      equal(event instanceof MessageEvent, false)
    },
  ],
  [
    spec.interpretation,
    'message is a MessageEvent with data, origin and lastEventId',
    async (server) => {
      using played = play(server, [stream('id: 7\ndata: a\ndata: b\n\n')])
      const { source } = played
      const event = await new Promise<MessageEvent>((resolve) => {
        source.onmessage = resolve
      })
      equal([event instanceof MessageEvent, event.type, event.data], [true, 'message', 'a\nb'])
      equal([event.origin, event.lastEventId, event.source, event.ports], [server.origin, '7', null, []])
      equal([event.bubbles, event.cancelable], [false, false])
    },
  ],
  [
    spec.interpretation,
    'an event type goes to its listeners and not to onmessage',
    async (server) => {
      using played = play(server, [stream('event: x\ndata: a\n\nevent: open\ndata: b\n\n', END)], ['x'])
      const { source, log, until } = played
      const messages: string[] = []
      source.onmessage = (event) => messages.push(String(event.data))
      await until('message end')
      equal(log, ['open 1', 'x a', 'open 1', 'message end'])
      equal(messages, ['end'])
    },
  ],
  [
    spec.handlers,
    'event handlers are null at first, and what is no function makes them null',
    async (server) => {
      const source = new EventSource(server.origin)
      for (const name of ['onopen', 'onmessage', 'onerror'] as const) {
        equal(source[name], null)
        const handler = (): void => {}
        source[name] = handler
        equal(source[name] === handler, true)
        Reflect.set(source, name, 'no function')
        equal(source[name], null)
      }
      source.close()
    },
  ],
  [
    spec.handlers,
    'an object may be an event handler, and is not called; null in its place ends it',
    async (server) => {
      const { url } = scenarioUrl(server.origin, [stream('data: a\n\n', END)])
      const source = new EventSource(url)
      const calls: string[] = []
      const object = { handleEvent: () => calls.push('object') }
      for (const value of [object, [], new Date(0)]) {
        Reflect.set(source, 'onmessage', value)
        const held: unknown = Reflect.get(source, 'onmessage')
        equal(held === value, true)
      }
      Reflect.set(source, 'onmessage', object)
      for (const value of [null, undefined, 5, 'text', true]) {
        source.onopen = () => calls.push(`open after ${String(value)}`)
        Reflect.set(source, 'onopen', value)
        equal(source.onopen, null)
      }
      await new Promise<void>((resolve) => {
        source.addEventListener('message', ({ data }) => data === 'end' && resolve())
      })
      equal(calls, [])
      source.close()
    },
  ],
  [
    spec.handlers,
    'an event handler that was null in between is called last, as one that is added',
    async (server) => {
      const { url } = scenarioUrl(server.origin, [stream(END)])
      const source = new EventSource(url)
      const order: string[] = []
      source.onmessage = () => order.push('old')
      source.addEventListener('message', () => order.push('listener'))
      source.onmessage = null
      source.onmessage = () => order.push('new')
      await new Promise((resolve) => {
        source.addEventListener('message', resolve)
      })
      equal(order, ['listener', 'new'])
      source.close()
    },
  ],
  [
    spec.eventTarget,
    'a listener that another one removes before its turn is not called',
    async (server) => {
      const { url } = scenarioUrl(server.origin, [stream(END)])
      const source = new EventSource(url)
      const calls: string[] = []
      const removed = (): void => void calls.push('removed')
      source.addEventListener('message', () => source.removeEventListener('message', removed))
      source.addEventListener('message', removed)
      await new Promise((resolve) => {
        source.addEventListener('message', resolve)
      })
      equal(calls, [])
      source.close()
    },
  ],
  [
    spec.idl,
    'the attributes of a message are enumerable and cannot be set, and its ports are one array',
    async (server) => {
      using played = play(server, [stream('id: 1\ndata: a\n\n')])
      const { source } = played
      const event = await new Promise<MessageEvent>((resolve) => {
        source.onmessage = resolve
      })
      const names: string[] = []
      for (const name in event) names.push(name)
      const expected = ['data', 'origin', 'lastEventId', 'source', 'ports', 'type', 'target']
      equal(
        expected.filter((name) => !names.includes(name)),
        [],
      )
      for (const name of expected) equal(Reflect.set(event, name, 'x'), false)
      equal([event.ports === event.ports, Object.isFrozen(event.ports)], [true, true])
    },
  ],
  [
    spec.handlers,
    'an event handler keeps its place among the listeners when it is replaced',
    async (server) => {
      const { url } = scenarioUrl(server.origin, [stream('data: a\n\n')])
      const source = new EventSource(url)
      const order: string[] = []
      source.onmessage = () => order.push('old')
      source.addEventListener('message', () => order.push('listener'))
      source.onmessage = function (this: EventSource) {
        order.push(this === source ? 'new' : 'new, of another')
      }
      await new Promise((resolve) => {
        source.addEventListener('message', resolve)
      })
      equal(order, ['new', 'listener'])
      source.close()
    },
  ],
  [
    spec.eventTarget,
    'addEventListener takes once, signal, objects, and does not add twice',
    async (server) => {
      const { url } = scenarioUrl(server.origin, [stream('data: a\n\ndata: b\n\n', END)])
      const source = new EventSource(url)
      const calls: string[] = []
      const controller = new AbortController()
      const listener = (): void => void calls.push('twice')
      const object = { handleEvent: () => void calls.push('object') }
      source.addEventListener('message', () => calls.push('once'), { once: true })
      source.addEventListener('message', () => (calls.push('signal'), controller.abort()), {
        signal: controller.signal,
      })
      source.addEventListener('message', listener)
      source.addEventListener('message', listener)
      source.addEventListener('message', object)
      source.addEventListener('message', ({ data }) => {
        if (data === 'b') source.removeEventListener('message', object)
      })
      await new Promise<void>((resolve) => {
        source.addEventListener('message', ({ data }) => data === 'end' && resolve())
      })
      equal(calls, ['once', 'signal', 'twice', 'object', 'twice', 'object', 'twice'])
      source.close()
    },
  ],

  [
    spec.parsing,
    'CR, LF and CRLF end lines, also at the ends of chunks',
    async (server) => {
      const chunks = ['data: a\r', '\ndata: b\r', '\r', 'data: c\n', '\n', 'data: d\r\n', '\r\n', END]
      equal(await dispatched(server, { chunks }), ['message a\nb', 'message c', 'message d'])
    },
  ],
  [
    spec.parsing,
    'exactly one BOM is stripped',
    async (server) => {
      equal(await dispatched(server, stream('\uFEFFdata: a\n\n', END)), ['message a'])
      equal(await dispatched(server, stream('\uFEFF\uFEFFdata: a\n\n', END)), [])
    },
  ],
  [
    spec.interpretation,
    'the stream is UTF-8, also split inside a sequence, and other bytes are U+FFFD',
    async (server) => {
      const hexOf = (text: string): string =>
        Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, '0')).join('')
      const split = hexOf('data: €😀\n\n')
      // After the second byte of €, and after the first of 😀.
      const hex = [
        split.slice(0, 16),
        split.slice(16, 20),
        `${split.slice(20)}646174613a20ff0a0a`,
        hexOf(END),
      ]
      equal(await dispatched(server, { hex }), ['message €😀', 'message \uFFFD'])
    },
  ],
  [
    spec.interpretation,
    'one space after the colon is removed',
    async (server) => {
      equal(await dispatched(server, stream('data:a\n\ndata:  b\n\ndata:\n\n', END)), [
        'message a',
        'message  b',
        'message ',
      ])
    },
  ],
  [
    spec.interpretation,
    'a block without data dispatches nothing and forgets its type',
    async (server) => {
      equal(await dispatched(server, stream('event: x\n\ndata: a\n\n', END), ['x']), ['message a'])
    },
  ],
  [
    spec.interpretation,
    'comments and unknown fields are ignored',
    async (server) => {
      equal(
        await dispatched(server, stream(':c\n: data: x\nfoo: bar\nData: x\n data: x\ndata: a\n\n', END)),
        ['message a'],
      )
    },
  ],
  [
    spec.interpretation,
    'fields without a colon have an empty value',
    async (server) => {
      equal(await dispatched(server, stream('data\n\ndata\ndata\n\n', END)), ['message ', 'message \n'])
    },
  ],
  [
    spec.interpretation,
    'NUL in data is kept',
    async (server) => {
      equal(await dispatched(server, stream('data: a\0b\n\n', END)), ['message a\0b'])
    },
  ],
  [
    spec.interpretation,
    'a large event comes whole',
    async (server) => {
      const large = 'x'.repeat(1000)
      const chunks = Array.from({ length: 4 }, () => `data: ${large}\n`)
      equal(await dispatched(server, stream(...chunks, '\n', END)), [
        `message ${Array(4).fill(large).join('\n')}`,
      ])
    },
  ],
  [
    spec.interpretation,
    'an unfinished final block is dropped',
    async (server) => {
      using played = play(server, [ended('retry: 1\ndata: a\n\nid: 9\ndata: b\n'), stream(END)])
      const { log, until } = played
      await until('message end')
      equal(log, ['open 1', 'message a', 'error 0', 'open 1', 'message end'])
    },
  ],

  [
    spec.interpretation,
    'the last event ID lasts until the next id',
    async (server) => {
      const { url } = scenarioUrl(server.origin, [
        stream('id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n', END),
      ])
      const source = new EventSource(url)
      const ids: string[] = []
      await new Promise<void>((resolve) => {
        source.onmessage = ({ data, lastEventId }) =>
          data === 'end' ? resolve() : void ids.push(lastEventId)
      })
      equal(ids, ['1', '1', ''])
      source.close()
    },
  ],
  [
    spec.lastEventId,
    'the last event ID is sent on reconnection, as UTF-8',
    async (server) => {
      using played = play(server, [ended('retry: 1\nid: é…😀\ndata: a\n\n'), stream(END)])
      const { until, requests } = played
      await until('message end')
      const [first, second] = await requests()
      const bytes = Uint8Array.from(second?.headers['last-event-id'] ?? '', (character) =>
        character.charCodeAt(0),
      )
      equal([first?.headers['last-event-id'], new TextDecoder().decode(bytes)], [undefined, 'é…😀'])
    },
  ],
  [
    spec.interpretation,
    'the id of a block without data counts',
    async (server) => {
      using played = play(server, [ended('retry: 1\nid: 5\n\n'), stream(END)])
      const { until, requests } = played
      await until('message end')
      equal((await requests())[1]?.headers['last-event-id'], '5')
    },
  ],
  [
    spec.interpretation,
    'the id of an unfinished block does not count',
    async (server) => {
      using played = play(server, [ended('retry: 1\nid: 5\ndata: a\n\nid: 6\ndata: b\n'), stream(END)])
      const { until, requests } = played
      await until('message end')
      equal((await requests())[1]?.headers['last-event-id'], '5')
    },
  ],
  [
    spec.interpretation,
    'an id with NUL is ignored',
    async (server) => {
      using played = play(server, [ended('retry: 1\nid: 5\ndata: a\n\nid: 6\0\ndata: b\n\n'), stream(END)])
      const { until, requests } = played
      await until('message end')
      equal((await requests())[1]?.headers['last-event-id'], '5')
    },
  ],
  [
    spec.processing,
    'an empty id resets the last event ID, and no field is sent',
    async (server) => {
      using played = play(server, [ended('retry: 1\nid: 5\ndata: a\n\nid\ndata: b\n\n'), stream(END)])
      const { until, requests } = played
      await until('message end')
      equal('last-event-id' in ((await requests())[1]?.headers ?? {}), false)
    },
  ],
  [
    spec.processing,
    'the last event ID survives a connection that sends none',
    async (server) => {
      using played = play(server, [ended('retry: 1\nid: 5\ndata: a\n\n'), ended('data: b\n\n'), stream(END)])
      const { until, requests } = played
      await until('message end')
      equal((await requests())[2]?.headers['last-event-id'], '5')
    },
  ],

  [
    spec.interpretation,
    'retry sets the reconnection time, by digits only',
    async (server) => {
      using played = play(server, [
        ended('retry: 1000\nretry: 1s\nretry: -1\nretry:\ndata: a\n\n'),
        stream(END),
      ])
      const { until, source } = played
      await until('error 0')
      const since = performance.now()
      await until('message end')
      const durationMs = performance.now() - since
      equal(durationMs > 950 && durationMs < 2500, true)
      source.close()
    },
  ],

  [
    spec.theInterface,
    'the request is a GET that accepts an event stream and asks caches to keep out',
    async (server) => {
      using played = play(server, [stream(END)])
      const { until, requests } = played
      await until('message end')
      const [request] = await requests()
      equal([request?.method, request?.headers.accept], ['GET', 'text/event-stream'])
      equal([request?.headers['cache-control'], request?.headers.pragma], ['no-cache', 'no-cache'])
    },
  ],
  [
    spec.theInterface,
    'cookies go to the own origin, and to others with credentials only',
    async (server) => {
      if (!('document' in globalThis)) return
      ;(globalThis as unknown as { document: { cookie: string } }).document.cookie = 'own=1'
      using own = play(server, [stream(END)])
      await own.until('message end')
      equal((await own.requests())[0]?.headers.cookie, 'own=1')
      using other = play(server, [stream(END)], [], { origin: server.otherOrigin })
      await other.until('message end')
      equal('cookie' in ((await other.requests())[0]?.headers ?? {}), false)
    },
  ],
  [
    spec.theInterface,
    'another origin may be asked, with credentials too',
    async (server) => {
      for (const withCredentials of [false, true]) {
        using played = play(server, [ended('retry: 1\nid: 1\ndata: a\n\n'), stream(END)], [], {
          origin: server.otherOrigin,
          init: { withCredentials },
        })
        const { until, requests } = played
        await until('message end')
        equal((await requests()).filter(({ method }) => method === 'GET')[1]?.headers['last-event-id'], '1')
      }
    },
  ],

  ...[
    'text/event-stream',
    'text/event-stream;charset=utf-8',
    'text/event-stream ; a=b',
    'TEXT/Event-Stream',
  ].map((type): Case => [
    spec.processing,
    `a response of content type ${type} is an event stream`,
    async (server) => {
      using played = play(server, [{ headers: { 'content-type': type }, chunks: [END] }])
      const { until } = played
      await until('message end')
    },
  ]),
  ...(
    [
      [200, 'text/html'],
      [200, 'text/event-stream-x'],
      [200, ''],
      [201, 'text/event-stream'],
      [204, 'text/event-stream'],
      [205, 'text/event-stream'],
      [400, 'text/event-stream'],
      [401, 'text/event-stream'],
      [404, 'text/event-stream'],
      [410, 'text/event-stream'],
      [429, 'text/event-stream'],
      [500, 'text/event-stream'],
      [503, 'text/event-stream'],
    ] as const
  ).map(([status, type]): Case => [
    spec.processing,
    `a response ${status} ${type} fails the connection, for good`,
    async (server) => {
      const headers: Record<string, string> = type === '' ? {} : { 'content-type': type }
      const chunks = status === 204 || status === 205 ? [] : [END]
      using played = play(server, [{ status, headers, chunks, finally: 'end' }])
      const { log, until, requests, source } = played
      await until('error 2')
      await pause(30)
      equal([log, source.readyState, (await requests()).length], [['error 2'], 2, 1])
    },
  ]),
  ...[301, 302, 303, 307, 308].map((status): Case => [
    spec.redirects,
    `a redirect with ${status} is followed; the origin of the events is the final one, the URL and reconnections are not`,
    async (server) => {
      const target = scenarioUrl(server.otherOrigin, [ended('retry: 1\ndata: a\n\n'), stream(END)])
      const { url, key } = scenarioUrl(server.origin, [
        { status, headers: { location: target.url }, finally: 'end' },
      ])
      const source = new EventSource(url)
      const origins: string[] = []
      await new Promise<void>((resolve) => {
        source.onmessage = ({ data, origin }) => {
          origins.push(origin)
          if (data === 'end') resolve()
        }
      })
      equal([source.url, origins], [url, [server.otherOrigin, server.otherOrigin]])
      equal((await seenRequests(server.origin, key)).length, 2)
      source.close()
    },
  ]),
  [
    spec.redirects,
    'a relative redirect is resolved',
    async (server) => {
      const target = scenarioUrl(server.origin, [stream(END)])
      const location = target.url.slice(server.origin.length)
      using played = play(server, [{ status: 302, headers: { location }, finally: 'end' }])
      const { until } = played
      await until('message end')
    },
  ],

  [
    spec.processing,
    'an end of the stream is an error with CONNECTING, then a new connection',
    async (server) => {
      using played = play(server, [ended('retry: 1\ndata: a\n\n'), ended('data: b\n\n'), stream(END)])
      const { log, until } = played
      await until('message end')
      equal(log, [
        'open 1',
        'message a',
        'error 0',
        'open 1',
        'message b',
        'error 0',
        'open 1',
        'message end',
      ])
    },
  ],
  [
    spec.processing,
    'a connection that is cut is an error with CONNECTING, then a new connection',
    async (server) => {
      using played = play(server, [{ chunks: ['retry: 1\ndata: a\n\n'], finally: 'cut' }, stream(END)])
      const { log, until } = played
      await until('message end')
      equal(log, ['open 1', 'message a', 'error 0', 'open 1', 'message end'])
    },
  ],
  [
    spec.processing,
    'a connection that is cut before the head is an error with CONNECTING',
    async (server) => {
      const source = new EventSource('http://127.0.0.1:1/')
      const state = await new Promise((resolve) => {
        source.onerror = () => resolve(source.readyState)
      })
      equal([state, server.origin === ''], [0, false])
      source.close()
    },
  ],
  [
    spec.processing,
    'error is a plain event, with the reason as its `error`',
    async (server) => {
      using played = play(server, [{ status: 404, chunks: ['no such stream'], finally: 'end' }])
      const { source } = played
      const event = await new Promise<EventSourceErrorEvent>((resolve) => {
        source.onerror = resolve
      })
      equal(
        [event.type, event.bubbles, event.cancelable, event instanceof MessageEvent],
        ['error', false, false, false],
      )
      const { name, status, body } = event.error as { name: string; status: number; body: string }
      equal([name, status, body], ['ResponseError', 404, 'no such stream'])
    },
  ],

  [
    spec.theInterface,
    'after close() at once, nothing is dispatched',
    async (server) => {
      using played = play(server, [stream(END)])
      const { source, log } = played
      source.close()
      await pause(50)
      equal([log, source.readyState], [[], 2])
    },
  ],
  [
    spec.theInterface,
    'after close() in a handler nothing follows, not even the rest of the chunk, and nothing is asked again',
    async (server) => {
      using played = play(server, [ended('retry: 1\ndata: a\n\ndata: b\n\ndata: c\n\n')])
      const { source, log, requests } = played
      await new Promise<void>((resolve) => {
        source.onmessage = ({ data }) => {
          if (data !== 'b') return
          source.close()
          resolve()
        }
      })
      await pause(50)
      equal([log, (await requests()).length], [['open 1', 'message a', 'message b'], 1])
    },
  ],
  [
    spec.theInterface,
    'after close() in the error handler of an end, nothing is asked again',
    async (server) => {
      using played = play(server, [ended('retry: 1\ndata: a\n\n')])
      const { source, log, requests } = played
      await new Promise<void>((resolve) => {
        source.onerror = () => {
          source.close()
          resolve()
        }
      })
      await pause(50)
      equal([log, (await requests()).length], [['open 1', 'message a', 'error 0'], 1])
    },
  ],
  [
    spec.theInterface,
    'close() closes the connection at the server',
    async (server) => {
      using played = play(server, [stream(END)])
      const { source, until } = played
      await until('message end')
      source.close()
      source.close()
      equal(source.readyState, 2)
    },
  ],
  [
    spec.processing,
    'what comes with the head is for listeners that are added after a promise of open',
    async (server) => {
      using played = play(server, [stream('event: paid\ndata: 1\n\n', END)])
      const { source } = played
      await new Promise((resolve) => source.addEventListener('open', resolve, { once: true }))
      equal(await new Promise((resolve) => source.addEventListener('paid', ({ data }) => resolve(data))), '1')
    },
  ],
  [
    spec.processing,
    'error has a task of its own, after that of the last event',
    async (server) => {
      using played = play(server, [ended(END)])
      const { source, until } = played
      await until('message end')
      equal(await new Promise((resolve) => (source.onerror = ({ type }) => resolve(type))), 'error')
    },
  ],
  [
    spec.processing,
    'a Content-Encoding that nobody knows is passed as it is',
    async (server) => {
      for (const coding of ['none', 'utf-8'])
        equal(
          await dispatched(server, {
            headers: { 'content-type': 'text/event-stream', 'content-encoding': coding },
            chunks: [`data: ${coding}\n\n`, END],
          }),
          [`message ${coding}`],
        )
    },
  ],
  [
    spec.processing,
    'a refusal with a Content-Encoding that nobody knows is a refusal',
    async (server) => {
      const response = { status: 404, headers: { 'content-encoding': 'none' }, finally: 'end' } as const
      using played = play(server, [response])
      await played.until('error 2')
      equal([played.log, (await played.requests()).length], [['error 2'], 1])
    },
  ],
  [
    spec.processing,
    'of several values of Content-Type the last that is one counts',
    async (server) => {
      for (const type of [
        'text/html, text/event-stream',
        'text/event-stream, text/event-stream;charset=utf-8',
        'text/event-stream, nonsense',
        'text/event-stream;a="b, text/html"',
      ])
        equal(await dispatched(server, { headers: { 'content-type': type }, chunks: ['data: a\n\n', END] }), [
          'message a',
        ])
      using played = play(server, [
        { headers: { 'content-type': 'text/event-stream, text/html' }, finally: 'end' },
      ])
      await played.until('error 2')
    },
  ],
  [
    spec.theInterface,
    'the attributes and close() are enumerable',
    async (server) => {
      using played = play(server, [stream(END)])
      const names: string[] = []
      for (const name in played.source) names.push(name)
      const expected = ['url', 'withCredentials', 'readyState', 'onopen', 'onmessage', 'onerror', 'close']
      equal(
        expected.filter((name) => !names.includes(name)),
        [],
      )
    },
  ],
  [
    spec.beyond,
    'each error event has an error: of an end, a refusal, and a 204',
    async (server) => {
      const codes: unknown[] = []
      const end = { ...ended('retry: 1\n\n') }
      const refusal = { status: 404, finally: 'end' } as const
      const nothing = { status: 204, finally: 'end' } as const
      for (const responses of [
        [end, refusal],
        [end, nothing],
      ]) {
        using played = play(server, responses)
        played.source.addEventListener('error', ({ error }) => codes.push(error?.code))
        await played.until('error 2')
      }
      equal(codes, ['ended', 'status', 'ended', 'no-content'])
    },
  ],
  [
    spec.beyond,
    'the options headers, method and body are sent',
    async (server) => {
      using played = play(server, [stream(END)], [], {
        init: { method: 'POST', body: 'payload', headers: { 'x-key': 'k' } },
      })
      const { until, requests } = played
      await until('message end')
      const [request] = await requests()
      equal(
        [request?.method, request?.headers['x-key'], request?.headers['content-length']],
        ['POST', 'k', '7'],
      )
    },
  ],
]

export const conformanceCases: readonly ConformanceCase[] = cases.map(([section, name, run]) => ({
  name: `${name} (${section})`,
  run,
}))
