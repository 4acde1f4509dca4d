import { createEventDecoder } from '../event-stream/event-decoder.ts'
import { isEventStream } from '../event-stream/is-event-stream.ts'
import { globalTimers } from '../runtime.ts'
import type { ClientEnd } from './fake-connection.ts'
import { createFakeRequest, resolveUrl } from './fake-request.ts'
import type { Connect } from './fake-request.ts'

type Listener<Dispatched> = (event: Dispatched) => unknown
type AddOptions = Parameters<EventTarget['addEventListener']>[2]
type RemoveOptions = Parameters<EventTarget['removeEventListener']>[2]
type AnyListener = Parameters<EventTarget['addEventListener']>[1]

/** An `EventSource` of the HTML standard, connected to a fake server. */
export interface FakeEventSource extends EventTarget {
  readonly CONNECTING: 0
  readonly OPEN: 1
  readonly CLOSED: 2
  readonly url: string
  readonly withCredentials: boolean
  readonly readyState: 0 | 1 | 2
  onopen: Listener<Event> | null
  onmessage: Listener<MessageEvent> | null
  onerror: Listener<Event> | null
  close(): void
  addEventListener(type: 'open' | 'error', listener: Listener<Event>, options?: AddOptions): void
  addEventListener(type: string, listener: Listener<MessageEvent>, options?: AddOptions): void
  addEventListener(type: string, listener: AnyListener, options?: AddOptions): void
  removeEventListener(type: 'open' | 'error', listener: Listener<Event>, options?: RemoveOptions): void
  removeEventListener(type: string, listener: Listener<MessageEvent>, options?: RemoveOptions): void
  removeEventListener(type: string, listener: AnyListener, options?: RemoveOptions): void
}

export interface FakeEventSourceConstructor {
  readonly CONNECTING: 0
  readonly OPEN: 1
  readonly CLOSED: 2
  new (url: string | URL, init?: { readonly withCredentials?: boolean }): FakeEventSource
}

const readyStates = { CONNECTING: 0, OPEN: 1, CLOSED: 2 } as const

/**
 * Makes an `EventSource` class whose instances connect to a fake server.
 *
 * It follows the standard, but for two points: it dispatches events within the call of the test that causes them, and it
 * reconnects after `reconnectionTimeMs` where browsers take seconds.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#the-eventsource-interface
 */
export function createEventSourceClass(
  connect: Connect<ClientEnd>,
  initialReconnectionTimeMs: number,
): FakeEventSourceConstructor {
  // Made for each server, and not when this module is loaded: jsdom brings classes of its own, and an event of one kind is
  // not an event for a target of the other.
  const { EventTarget: Target } = globalThis

  class StandIn extends Target {
    declare static readonly CONNECTING: 0
    declare static readonly OPEN: 1
    declare static readonly CLOSED: 2
    declare readonly CONNECTING: 0
    declare readonly OPEN: 1
    declare readonly CLOSED: 2
    declare onopen: Listener<Event> | null
    declare onmessage: Listener<MessageEvent> | null
    declare onerror: Listener<Event> | null

    static {
      const { prototype } = StandIn
      for (const [name, value] of Object.entries(readyStates))
        for (const target of [StandIn, prototype])
          Object.defineProperty(target, name, { value, enumerable: true })
      Object.defineProperty(StandIn, 'name', { value: 'EventSource', configurable: true })
      for (const type of ['open', 'message', 'error'])
        Object.defineProperty(prototype, `on${type}`, {
          get(this: StandIn) {
            return this.#handlers[type] ?? null
          },
          // Any object may be an event handler, though only a function is called. A handler keeps the place among the
          // listeners that it took when it was set: the same listener is not added twice.
          set(this: StandIn, value: unknown) {
            const isHandler = Object(value) === value
            this.#handlers[type] = isHandler ? value : null
            if (isHandler) this.addEventListener(type, this.#callHandler)
            else this.removeEventListener(type, this.#callHandler)
          },
          enumerable: true,
          configurable: true,
        })
    }

    readonly #url: URL
    readonly #withCredentials: boolean
    readonly #handlers: Record<string, unknown> = {}
    #readyState: 0 | 1 | 2 = readyStates.CONNECTING
    #lastEventId = ''
    #reconnectionTimeMs = initialReconnectionTimeMs
    #leave: (() => void) | undefined
    #timer: unknown

    constructor(url: string | URL, init: { readonly withCredentials?: boolean } = {}) {
      super()
      try {
        this.#url = resolveUrl(url)
      } catch {
        throw new DOMException(`Invalid URL: ${String(url)}`, 'SyntaxError')
      }
      this.#withCredentials = Boolean(init.withCredentials)
      this.#connect()
    }

    get url(): string {
      return this.#url.href
    }

    get withCredentials(): boolean {
      return this.#withCredentials
    }

    get readyState(): 0 | 1 | 2 {
      return this.#readyState
    }

    close(): void {
      this.#readyState = readyStates.CLOSED
      globalTimers.clearTimeout(this.#timer)
      this.#leave?.()
    }

    readonly #callHandler = (event: Event): void => {
      const handler = this.#handlers[event.type]
      if (typeof handler === 'function') handler.call(this, event)
    }

    #connect(): void {
      const headers = new Headers({ accept: 'text/event-stream', 'cache-control': 'no-cache' })
      if (this.#lastEventId !== '') headers.set('last-event-id', this.#lastEventId)
      const decoder = createEventDecoder(
        {
          onEvent: ({ type, data, lastEventId }) => {
            this.#lastEventId = lastEventId
            this.#dispatch(new MessageEvent(type, { data, lastEventId, origin: this.#url.origin }))
          },
          onRetry: (reconnectionTimeMs) => {
            this.#reconnectionTimeMs = reconnectionTimeMs
          },
        },
        this.#lastEventId,
      )
      let isStream = false
      this.#leave = connect(
        createFakeRequest({ url: this.#url, method: 'GET', headers, text: async () => '' }),
        {
          onHead: ({ status, headers: fields }) => {
            isStream = status === 200 && isEventStream(fields.get('content-type'))
            if (isStream) this.#announce()
            else this.#fail()
          },
          onText: (text) => {
            if (!isStream) return
            decoder.decode(text)
            this.#lastEventId = decoder.lastEventId
          },
          onEnd: () => {
            if (isStream) this.#reestablish()
          },
          onCut: () => this.#reestablish(),
        },
      )
      if (this.#leave === undefined) queueMicrotask(() => this.#fail())
    }

    /** "Announce the connection." */
    #announce(): void {
      if (this.#readyState === readyStates.CLOSED) return
      this.#readyState = readyStates.OPEN
      this.dispatchEvent(new Event('open'))
    }

    /** "Reestablish the connection." */
    #reestablish(): void {
      if (this.#readyState === readyStates.CLOSED) return
      this.#readyState = readyStates.CONNECTING
      // Before the event, whose listener may close the event source.
      this.#timer = globalTimers.setTimeout(() => this.#connect(), this.#reconnectionTimeMs)
      this.dispatchEvent(new Event('error'))
    }

    /** "Fail the connection." */
    #fail(): void {
      if (this.#readyState === readyStates.CLOSED) return
      this.#readyState = readyStates.CLOSED
      this.dispatchEvent(new Event('error'))
    }

    #dispatch(event: MessageEvent): void {
      if (this.#readyState !== readyStates.CLOSED) this.dispatchEvent(event)
    }
  }

  // `addEventListener` is the inherited one; the types of its events are those of an event source.
  return StandIn as unknown as FakeEventSourceConstructor
}
