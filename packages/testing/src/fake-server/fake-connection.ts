import { FakeServerError } from '../errors/fake-server-error.ts'
import { formatEvent } from '../event-stream/format-event.ts'
import type { SentEvent } from '../event-stream/format-event.ts'
import { firstBlock } from '../wire-contract/first-block.ts'
import { endEvents, gapEvent } from '../wire-contract/reserved-events.ts'
import type { AnnouncedEnd, AnnouncedGap } from '../wire-contract/reserved-events.ts'

/** The request that a client made. */
export interface FakeRequest {
  /** Absolute; a relative URL is resolved as the page does, outside of pages against `http://localhost/`. */
  readonly url: string
  readonly method: string
  readonly headers: Headers
  /** What the client resumes after, by `Last-Event-ID` or by the query parameter `lastEventId`. Empty: nothing. */
  readonly lastEventId: string
  /** The body of the request. */
  text(): Promise<string>
}

/** Fields, status and body of a response. */
interface FakeResponseHead {
  readonly status: number
  readonly headers: Headers
}

/** The client's end of the connection. A cut, and an end, are the last call. */
export interface ClientEnd {
  onHead(head: FakeResponseHead): void
  onText(text: string): void
  onEnd(): void
  /** The network failed. */
  onCut(): void
}

/**
 * One connection of a {@link FakeServer}, which the test answers.
 *
 * All functions that write open the response first, if the test has not. They return whether the client was still there,
 * as `EventStream.send` of sse-server does. They need no `this`.
 */
export interface FakeConnection {
  readonly request: FakeRequest
  /** `pending`: not answered yet. `open`: the response has begun. `closed`: one of the sides has closed. */
  readonly state: 'pending' | 'open' | 'closed'
  /** Resolves with the side that closed the connection. */
  readonly closed: Promise<'client' | 'server'>
  /** Begins the response: status 200, `content-type: text/event-stream`, and `headers` in addition. */
  readonly open: (headers?: Readonly<Record<string, string>>) => boolean
  /**
   * Answers with something else than an event stream. 204 tells a client not to come back.
   *
   * @throws {@link FakeServerError} `code: 'already-answered'`
   */
  readonly refuse: (
    status: number,
    response?: { headers?: Readonly<Record<string, string>>; body?: string },
  ) => boolean
  /**
   * Sends one event: `{ event: 'price', id: '7', data: { eur: 3 } }`.
   *
   * @throws {@link OptionError} `code: 'invalid-option'` for a field that the format cannot carry.
   */
  readonly send: (event: SentEvent) => boolean
  /** Sends a comment, as a heartbeat is. */
  readonly comment: (text?: string) => boolean
  /** Writes text as it is: half an event, two at once, anything malformed. */
  readonly write: (text: string) => boolean
  /**
   * Announces that events were lost, as our hub does: `onGap` of our client, an event `stream.gap` for any other.
   *
   * @throws {@link FakeServerError} `code: 'no-wire-contract'`
   */
  readonly gap: (gap?: AnnouncedGap) => boolean
  /**
   * Says that the stream is at its end, as our hub does for a finite topic, and ends it. Our client closes with that reason;
   * any other sees an event `stream.end`, and reconnects.
   *
   * @throws {@link FakeServerError} `code: 'no-wire-contract'`
   */
  readonly finish: (end?: AnnouncedEnd) => boolean
  /** Ends the response in good order. Clients reconnect. */
  readonly end: () => boolean
  /** Breaks the connection, as a network that fails. Clients reconnect. */
  readonly cut: () => boolean
}

/** A connection, and what only its client may do. */
export interface OpenedConnection {
  readonly connection: FakeConnection
  /** The client has closed. */
  readonly leave: () => void
}

export function createFakeConnection(options: {
  readonly request: FakeRequest
  readonly client: ClientEnd
  readonly wireContract: 'full' | 'none'
  readonly onClosed: (connection: FakeConnection) => void
}): OpenedConnection {
  const { request, client, wireContract } = options
  let state: FakeConnection['state'] = 'pending'
  const closed = Promise.withResolvers<'client' | 'server'>()

  /** @returns False if the connection was closed before. */
  function close(by: 'client' | 'server'): boolean {
    if (state === 'closed') return false
    state = 'closed'
    options.onClosed(connection)
    closed.resolve(by)
    return true
  }

  function write(text: string): boolean {
    connection.open()
    if (state === 'closed') return false
    client.onText(text)
    return true
  }

  function requireContract(what: string): void {
    if (wireContract === 'none')
      throw new FakeServerError(
        'no-wire-contract',
        `${what}: this fake server was created with wireContract: 'none', and a server without the wire contract sends no reserved events.`,
      )
  }

  const connection: FakeConnection = {
    request,
    get state() {
      return state
    },
    closed: closed.promise,
    open(headers = {}) {
      if (state !== 'pending') return state === 'open'
      state = 'open'
      const fields = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', ...headers }
      client.onHead({ status: 200, headers: new Headers(fields) })
      // A listener may have closed the event source when it opened.
      return wireContract === 'none' ? connection.state === 'open' : write(firstBlock)
    },
    refuse(status, { headers = {}, body = '' } = {}) {
      if (state === 'open')
        throw new FakeServerError(
          'already-answered',
          `refuse: the response to ${request.method} ${request.url} has begun already. Use end() or cut().`,
        )
      if (!close('server')) return false
      client.onHead({ status, headers: new Headers(headers) })
      if (body !== '') client.onText(body)
      client.onEnd()
      return true
    },
    write,
    send: (event) => write(formatEvent(event)),
    comment: (comment = '') => write(formatEvent({ comment })),
    gap(gap = {}) {
      requireContract('gap')
      return write(formatEvent(gapEvent(gap)))
    },
    finish(end = {}) {
      requireContract('finish')
      for (const event of endEvents(end)) write(formatEvent(event))
      return connection.end()
    },
    end() {
      connection.open()
      if (!close('server')) return false
      client.onEnd()
      return true
    },
    cut() {
      if (!close('server')) return false
      client.onCut()
      return true
    },
  }
  return { connection, leave: () => void close('client') }
}
