import type { ConnectionFailure } from '../connection/connection.ts'
import { prepareRequest, resolveUrl } from '../connection/request.ts'
import type { RequestConfig } from '../connection/request.ts'
import { ConnectionError, isFutile } from '../errors/connection-error.ts'
import { resolveOptions } from '../options/connection-options.ts'
import type { EventSourceConnectionOptions, StreamDefaults } from '../options/connection-options.ts'
import { standardBackoff } from '../reconnection/backoff.ts'
import { openReconnectingStream } from '../reconnection/reconnecting-stream.ts'
import type { ReconnectingStream, StreamConfig } from '../reconnection/reconnecting-stream.ts'
import { isRepeated } from '../reconnection/retry-policy.ts'
import type { ReconnectMode, RetryDecision } from '../reconnection/retry-policy.ts'
import type { StreamFailure, StreamStatus } from '../reconnection/stream-status.ts'
import { maxTimerMs, queueTask } from '../runtime.ts'
import type { Runtime } from '../runtime.ts'
import { allowManyListeners } from '#default-transport'
import { EventTargetBase } from '#event-classes'
import { EventSourceMessageEvent } from './message-event.ts'

/** The standard's dictionary, and what the platform's `EventSource` lacks. */
export interface EventSourceInit extends EventSourceConnectionOptions {
  /** Send cookies to other origins. Browsers only. @defaultValue false */
  readonly withCredentials?: boolean | undefined
}

/** An `error` event, with the reason that the platform's `EventSource` keeps to itself. */
export interface EventSourceErrorEvent extends Event {
  /** Absent only from events that were not dispatched by the source itself. */
  readonly error?: StreamFailure
}

/** What `onopen`, `onmessage` and `onerror` hold. */
type Handler<E> = (this: EventSource, event: E) => unknown

type AddOptions = Parameters<EventTarget['addEventListener']>[2]
type RemoveOptions = Parameters<EventTarget['removeEventListener']>[2]
type AnyListener = Parameters<EventTarget['addEventListener']>[1]

const CONNECTING = 0
const OPEN = 1
const CLOSED = 2

// Under a name of this file: the declarations must resolve also where the package's imports do not.
const Target: typeof EventTarget = EventTargetBase

const defaults: StreamDefaults = {
  reconnection: {
    baseDelayMs: 3000,
    maxDelayMs: maxTimerMs,
    backoff: standardBackoff,
  },
  connectTimeoutMs: 0,
}

/** What it inherits, with the types of its events. */
// eslint-disable-next-line typescript/no-unsafe-declaration-merging -- nothing is declared that is not inherited.
export interface EventSource {
  addEventListener(type: 'open', listener: Handler<Event>, options?: AddOptions): void
  addEventListener(type: 'error', listener: Handler<EventSourceErrorEvent>, options?: AddOptions): void
  addEventListener(type: string, listener: Handler<MessageEvent>, options?: AddOptions): void
  addEventListener(type: string, listener: AnyListener, options?: AddOptions): void
  removeEventListener(type: 'open', listener: Handler<Event>, options?: RemoveOptions): void
  removeEventListener(type: 'error', listener: Handler<EventSourceErrorEvent>, options?: RemoveOptions): void
  removeEventListener(type: string, listener: Handler<MessageEvent>, options?: RemoveOptions): void
  removeEventListener(type: string, listener: AnyListener, options?: RemoveOptions): void
}

/**
 * The `EventSource` of the HTML standard, for Node, browsers, workers, Bun, Deno.
 *
 * A drop-in: same constructor, constants, attributes, events and rules. The options add what the platform's lacks
 * (headers, method, body, timeouts, `fetch` or undici dispatcher); without them it does what the standard says and no
 * more. Failed reconnections wait longer and longer, as the standard allows.
 *
 * `error` events have an `error` property: a {@link ConnectionError}, {@link ResponseError} or {@link EventSizeError}.
 *
 * In Node an `EventSource` that is not closed keeps the process alive.
 *
 * @throws DOMException `SyntaxError` if the URL does not parse; {@link OptionError} for an option that cannot work.
 * @example
 * ```ts
 * import { EventSource } from '@sse-toolkit/event-source-client'
 *
 * export function watchPrices(onPrice: (price: number) => void): EventSource {
 *   const source = new EventSource('http://localhost:8080/prices', { headers: { authorization: 'Bearer token' } })
 *   source.addEventListener('price', (event) => onPrice(Number(event.data)))
 *   return source
 * }
 * ```
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
 */
// eslint-disable-next-line typescript/no-unsafe-declaration-merging -- as above.
export class EventSource extends Target {
  declare static readonly CONNECTING: 0
  declare static readonly OPEN: 1
  declare static readonly CLOSED: 2
  declare readonly CONNECTING: 0
  declare readonly OPEN: 1
  declare readonly CLOSED: 2

  declare onopen: Handler<Event> | null
  declare onmessage: Handler<MessageEvent> | null
  declare onerror: Handler<EventSourceErrorEvent> | null

  static {
    const { prototype } = EventSource
    for (const [value, name] of ['CONNECTING', 'OPEN', 'CLOSED'].entries())
      for (const target of [EventSource, prototype])
        Object.defineProperty(target, name, { value, enumerable: true })
    // By Web IDL; those of a class are not.
    for (const name of ['url', 'withCredentials', 'readyState', 'close'])
      Object.defineProperty(prototype, name, { enumerable: true })
    Object.defineProperty(prototype, Symbol.toStringTag, { value: 'EventSource', configurable: true })
    for (const type of ['open', 'message', 'error'])
      Object.defineProperty(prototype, `on${type}`, {
        get(this: EventSource) {
          return this.#handlers[type] ?? null
        },
        // Spec: any object may be an event handler, though only a function is called. It keeps the place among the
        // listeners that it took when it was set: a listener that is there is not added again.
        set(this: EventSource, value: unknown) {
          const isHandler = Object(value) === value
          this.#handlers[type] = isHandler ? value : null
          this[isHandler ? 'addEventListener' : 'removeEventListener'](type, this.#callHandler)
        },
        enumerable: true,
        configurable: true,
      })
  }

  readonly #url: string
  readonly #withCredentials: boolean
  readonly #stream: ReconnectingStream
  /** By event type. */
  readonly #handlers: Record<string, unknown> = {}
  readonly #callHandler = (event: Event): void => {
    const { [event.type]: handler } = this.#handlers
    if (typeof handler === 'function') handler.call(this, event)
  }
  readonly #runtime: Runtime
  /** What the next task does, in order; undefined if none is queued, and what comes is done at once. */
  #nextTask: (() => unknown)[] | undefined
  #readyState: 0 | 1 | 2 = CONNECTING
  #origin = ''

  // Of length 1, as by Web IDL.
  constructor(url: string | URL, init: EventSourceInit | null = null) {
    super()
    if (arguments.length === 0) throw new TypeError('No URL')
    const options = init ?? {}
    this.#url = parseUrl(url)
    this.#withCredentials = Boolean(options.withCredentials)
    const position = { lastEventId: options.lastEventId ?? '' }
    const config = resolveOptions(options, defaults)
    this.#runtime = config.runtime
    allowManyListeners(this)
    const credentials = this.#withCredentials ? 'include' : 'same-origin'
    const stream: RequestConfig & StreamConfig = {
      ...config,
      url: this.#url,
      credentials,
      position,
      prepareRequest: (attempt) => prepareRequest(stream, attempt),
      decideRetry,
    }
    this.#stream = openReconnectingStream(stream, {
      onStatus: (status) => this.#onStatus(status),
      onEvent: (type, data, id) => {
        // Spec: whatever the id is, and empty, too.
        const currentId = (position.lastEventId = id ?? position.lastEventId)
        this.#inTurn(() =>
          this.dispatchEvent(new EventSourceMessageEvent(type, data, this.#origin, currentId)),
        )
      },
      onIdOnly: (id) => void (position.lastEventId = id),
      onComment: () => {},
      onStanding: () => {},
    })
    this.#stream.connect()
  }

  get url(): string {
    return this.#url
  }

  get withCredentials(): boolean {
    return this.#withCredentials
  }

  get readyState(): 0 | 1 | 2 {
    return this.#readyState
  }

  /** Closes the connection and never reconnects. No event follows, `error` included. */
  close(): void {
    this.#readyState = CLOSED
    this.#stream.close('client')
  }

  #inTurn(run: () => unknown): void {
    if (this.#nextTask) this.#nextTask.push(run)
    // Spec: if readyState is CLOSED, abort these steps.
    else if (this.#readyState !== CLOSED) run()
  }

  /**
   * Spec: queue a task. What one chunk of the network brings is dispatched in one; but not in that of `open`, whose
   * listeners may wait for a promise before they listen to the rest, and `error` has a task of its own.
   */
  #inNextTask(...steps: (() => unknown)[]): void {
    this.#nextTask = steps
    queueTask(this.#runtime, () => {
      this.#nextTask = undefined
      // One of them may begin another task.
      for (const step of steps) this.#inTurn(step)
    })
  }

  #onStatus(status: StreamStatus): void {
    if (status.state === 'open')
      // Spec: announce the connection.
      this.#inTurn(() => {
        this.#readyState = OPEN
        this.#origin = new URL(status.url).origin
        this.dispatchEvent(new Event('open'))
        this.#inNextTask()
      })
    else if ('cause' in status)
      // Spec: reestablish the connection, or fail it.
      this.#inTurn(() =>
        this.#inNextTask(() => {
          this.#readyState = status.state === 'closed' ? CLOSED : CONNECTING
          const error = status.cause ?? new ConnectionError('no-content', `${this.#url} says 204`)
          this.dispatchEvent(Object.assign(new Event('error'), { error }))
        }),
      )
  }
}

/** Spec: only a network error is worth another attempt; a response that is not an event stream is final. */
function decideRetry(
  this: { readonly reconnect: ReconnectMode },
  failure: ConnectionFailure,
  _wasOpen: boolean,
  hadEvents: boolean,
): RetryDecision {
  return failure instanceof ConnectionError &&
    !isFutile(failure) &&
    isRepeated(this.reconnect, failure.code === 'ended')
    ? // A server that sends events and ends, as in polling, is not failing.
      { type: 'lost', isStable: failure.code === 'ended' && hadEvents }
    : { type: 'close', reason: 'refused', cause: failure }
}

function parseUrl(url: string | URL): string {
  try {
    return resolveUrl(url).href
  } catch {
    throw new DOMException(`Invalid URL: ${String(url)}`, 'SyntaxError')
  }
}
