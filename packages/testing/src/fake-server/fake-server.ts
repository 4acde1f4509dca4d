// Its users may have neither this lib nor @types/node, and Disposable is part of the types below.
/// <reference lib="esnext.disposable" preserve="true" />

import { FakeServerError } from '../errors/fake-server-error.ts'
import { OptionError } from '../errors/option-error.ts'
import { systemRuntime } from '../runtime.ts'
import { defaultTimeoutMs, within } from '../within.ts'
import { createFakeConnection } from './fake-connection.ts'
import type { ClientEnd, FakeConnection, FakeRequest } from './fake-connection.ts'
import { createEventSourceClass } from './fake-event-source.ts'
import type { FakeEventSourceConstructor } from './fake-event-source.ts'
import { createFakeFetch } from './fake-fetch.ts'
import type { FakeFetch } from './fake-fetch.ts'

export interface FakeServerOptions {
  /**
   * Whether the server follows the wire contract of `@sse-toolkit/sse-server`. `full` begins each response with the mark, a
   * comment that other clients ignore. `none` is any other server.
   *
   * @defaultValue `full`
   */
  readonly wireContract?: 'full' | 'none'
  /**
   * How long the stand-in `EventSource` waits before it reconnects, in milliseconds, until the test sends a `retry`. The
   * wait is a global `setTimeout`, so fake timers drive it. Clients that use `fetch` have a wait of their own.
   *
   * @defaultValue 0
   */
  readonly reconnectionTimeMs?: number
}

/** Which connection a test waits for. */
export interface ConnectionFilter {
  /** A path, such as `/prices`, or a pattern for the whole URL. @defaultValue any URL */
  readonly url?: string | RegExp
  /** Milliseconds of the real clock, also under fake timers. @defaultValue 4000 */
  readonly timeoutMs?: number
}

/** The server's side of event streams, without a socket: the test answers each connection. */
export interface FakeServer extends Disposable {
  /** Stands in for the platform's class: `vi.stubGlobal('EventSource', server.EventSource)`. */
  readonly EventSource: FakeEventSourceConstructor
  /** Stands in for `fetch`: `createEventSource(url, { fetch: server.fetch })`, or `vi.stubGlobal('fetch', server.fetch)`. */
  readonly fetch: FakeFetch
  /** The connections that are pending or open, oldest first. Empty when everything was closed. */
  readonly connections: readonly FakeConnection[]
  /** Every request since the start, oldest first. */
  readonly requests: readonly FakeRequest[]
  /**
   * The oldest connection that no earlier call returned; waits for a connection if there is none.
   *
   * @throws {@link TimeoutError} `code: 'timeout'`, with the requests that came instead.
   * @throws {@link FakeServerError} `code: 'server-closed'`
   */
  nextConnection(filter?: ConnectionFilter): Promise<FakeConnection>
  /** Cuts all connections. Clients that try again are refused, as by a closed port. */
  close(): void
}

/**
 * Creates the server's side of event streams, for tests of components and clients.
 *
 * Nothing is mocked between the test and the client: what the test sends is formatted as on the wire, and the client
 * decodes it. The stand-in `EventSource` dispatches within the call, so a listener has run when `send` returns. A client
 * that uses `fetch` reads a stream, so wait for what it does (`findByText`, `expect.poll`).
 *
 * @throws {@link OptionError} `code: 'invalid-option'`
 * @example
 * ```ts
 * import { createFakeServer } from '@sse-toolkit/testing'
 *
 * const server = createFakeServer()
 * const prices: string[] = []
 * const source = new server.EventSource('/prices')
 * source.addEventListener('price', (event) => prices.push(event.data))
 *
 * const connection = await server.nextConnection()
 * connection.send({ event: 'price', data: { eur: 3 } })
 * source.close()
 * prices // ['{"eur":3}']
 * server.connections.length // 0
 * ```
 */
export function createFakeServer(options: FakeServerOptions = {}): FakeServer {
  const { wireContract = 'full', reconnectionTimeMs = 0 } = options
  if (wireContract !== 'full' && wireContract !== 'none')
    throw new OptionError('wireContract', wireContract, "'full' or 'none'")
  if (!(reconnectionTimeMs >= 0))
    throw new OptionError('reconnectionTimeMs', reconnectionTimeMs, 'milliseconds from 0')

  const connections = new Set<FakeConnection>()
  const requests: FakeRequest[] = []
  /** Connections that no call of `nextConnection` returned yet, the closed ones included. */
  let waiting: FakeConnection[] = []
  const waiters = new Set<{
    matches: (request: FakeRequest) => boolean
    resolve: (connection: FakeConnection) => void
    reject: (error: Error) => void
  }>()
  let isClosed = false

  function connect(request: FakeRequest, client: ClientEnd): (() => void) | undefined {
    requests.push(request)
    if (isClosed) return undefined
    const onClosed = (closed: FakeConnection): void => void connections.delete(closed)
    const { connection, leave } = createFakeConnection({ request, client, wireContract, onClosed })
    connections.add(connection)
    const waiter = [...waiters].find(({ matches }) => matches(request))
    if (waiter === undefined) waiting.push(connection)
    else {
      waiters.delete(waiter)
      waiter.resolve(connection)
    }
    return leave
  }

  async function nextConnection(filter: ConnectionFilter = {}): Promise<FakeConnection> {
    const { url, timeoutMs = defaultTimeoutMs } = filter
    const matches = matcherOf(url)
    const arrived = waiting.find(({ request }) => matches(request))
    if (arrived !== undefined) {
      waiting = waiting.filter((each) => each !== arrived)
      return arrived
    }
    if (isClosed) throw closedError()
    const { promise, ...settle } = Promise.withResolvers<FakeConnection>()
    const waiter = { matches, ...settle }
    waiters.add(waiter)
    try {
      return await within(promise, {
        what: `a connection${url === undefined ? '' : ` to ${String(url)}`}`,
        timeoutMs,
        runtime: systemRuntime,
        seen: () =>
          `requests so far: ${requests.map(({ method, url: seen }) => `${method} ${seen}`).join(', ') || 'none'}`,
      })
    } finally {
      waiters.delete(waiter)
    }
  }

  function close(): void {
    isClosed = true
    for (const connection of connections) connection.cut()
    for (const { reject } of waiters) reject(closedError())
  }

  return {
    EventSource: createEventSourceClass(connect, reconnectionTimeMs),
    fetch: createFakeFetch(connect),
    get connections() {
      return [...connections]
    },
    requests,
    nextConnection,
    close,
    [Symbol.dispose]: close,
  }
}

function closedError(): FakeServerError {
  return new FakeServerError('server-closed', 'nextConnection: this fake server was closed.')
}

function matcherOf(url: string | RegExp | undefined): (request: FakeRequest) => boolean {
  if (url === undefined) return () => true
  if (typeof url === 'string') return (request) => new URL(request.url).pathname === url
  return (request) => request.url.search(url) !== -1
}
