import { useInsertionEffect, useMemo, useRef, useSyncExternalStore } from 'react'
import { createEventSource } from '../client/create-event-source.ts'
import type { EventOf, EventSourceClient, EventSourceOptions } from '../client/event-source-client.ts'
import type { EventSchemas } from '../delivery/event-data.ts'
import { reportUncaught } from '../delivery/listeners.ts'
import type { EventDataError } from '../errors/event-data-error.ts'
import { reconnectMode } from '../options/connection-options.ts'
import { StreamEndError } from '../errors/stream-end-error.ts'
import type { LastEventIdStoreError } from '../errors/last-event-id-store-error.ts'
import type { StreamStatus } from '../reconnection/stream-status.ts'
import type { StreamEvent } from '../stream-event.ts'
import type { Gap } from '../wire-contract/reserved-events.ts'

/** The options of `createEventSource`, and the callbacks. */
export interface UseEventSourceOptions<
  Schemas extends EventSchemas | undefined = undefined,
  Data extends 'text' | 'json' = 'text',
> extends EventSourceOptions<Schemas, Data> {
  /** Called with each event, in order. Here is the place to gather events: `event` is only the newest one. */
  readonly onEvent?: ((event: EventOf<Schemas, Data>) => void) | undefined
  /** Events were lost, and which. */
  readonly onGap?: ((gap: Gap) => void) | undefined
  /** Data that could not be decoded, a position that could not be saved; without it they are uncaught errors. */
  readonly onError?: ((error: EventDataError | LastEventIdStoreError) => void) | undefined
}

/** What a component sees of its stream. */
export interface EventSourceView<Event extends StreamEvent<string, unknown>> {
  /** `paused` also where there is no URL. */
  readonly status: StreamStatus
  /** The newest event; undefined until there is one. */
  readonly event: Event | undefined
  /** Reconnects at once. */
  readonly reconnect: () => void
}

/**
 * A component's event stream: open while the component is mounted, one connection also under `StrictMode`.
 *
 * The component renders again when the status changes and when events arrive: once for all events that arrive together. A
 * component that is hidden (`<Activity>`) disconnects, and resumes after its last event when it is shown again. A stream that
 * has closed stays as it is. A request that is not repeated (a POST) is not sent again: if it was hidden while it ran, its
 * status is `closed` with reason `interrupted`.
 *
 * @param url - A new URL opens a new stream; undefined or null opens none. On the server no stream is opened.
 * @param options - As of when the stream is opened; but functions among them (`onEvent`, `headers`, `onUnauthorized` ...)
 *   are those of the last render, so they may use props and state. An option that cannot work is thrown to the error
 *   boundary, as an `OptionError`.
 * @example
 * ```ts
 * import { useState } from 'react'
 * import { useEventSource } from '@sse-toolkit/event-source-client/react'
 *
 * export function useOrders(url: string): { orders: readonly string[]; isLive: boolean } {
 *   const [orders, setOrders] = useState<readonly string[]>([])
 *   const { status } = useEventSource(url, {
 *     onEvent: ({ data }) => setOrders((known) => [...known.slice(-99), data]),
 *   })
 *   return { orders, isLive: status.state === 'open' }
 * }
 * ```
 */
export function useEventSource<
  const Schemas extends EventSchemas | undefined = undefined,
  Data extends 'text' | 'json' = 'text',
>(
  url: string | URL | null | undefined,
  options: UseEventSourceOptions<Schemas, Data> = {},
): EventSourceView<EventOf<Schemas, Data>> {
  const latest = useRef(options)
  useInsertionEffect(() => {
    latest.current = options
  })
  const href = url == null ? undefined : String(url)
  const stream = useMemo(() => createViewedStream(href, latest), [href])
  return useSyncExternalStore(stream.subscribe, stream.view, stream.view)
}

interface ViewedStream<Event extends StreamEvent<string, unknown>> {
  /** Opens the stream. @returns What closes it. */
  readonly subscribe: (onChange: () => void) => () => void
  /** @throws what opening the stream threw. */
  readonly view: () => EventSourceView<Event>
}

function createViewedStream<Schemas extends EventSchemas | undefined, Data extends 'text' | 'json'>(
  url: string | undefined,
  latest: { readonly current: UseEventSourceOptions<Schemas, Data> },
): ViewedStream<EventOf<Schemas, Data>> {
  type View = EventSourceView<EventOf<Schemas, Data>>
  let source: EventSourceClient<EventOf<Schemas, Data>> | undefined
  let lastEventId = ''
  // Closed for good, or a request that is sent only once: it shows what it had.
  let isOver = false
  let failure: { readonly error: unknown } | undefined
  let view: View = {
    status: statusBefore(url),
    event: undefined,
    reconnect: () => source?.reconnect(),
  }

  function open(href: string, show: (change: Partial<View>) => void): void {
    const options = withLatestFunctions(latest)
    source = createEventSource(href, lastEventId ? { ...options, lastEventId } : options)
    source.onStatus((status) => show({ status }))
    source.onGap((gap) => latest.current.onGap?.(gap))
    source.onError((error) => (latest.current.onError ?? reportUncaught)(error))
    source.onAny((event) => latest.current.onEvent?.(event))
    source.onAny((event) => show({ event }))
    show({ status: source.status })
  }

  return {
    subscribe(onChange) {
      let isGone = url === undefined || isOver
      // StrictMode unmounts and mounts again at once. That must be one request, since requests may cost money.
      queueMicrotask(() => {
        if (isGone || url === undefined) return
        try {
          open(url, (change) => {
            view = { ...view, ...change }
            onChange()
          })
        } catch (error) {
          failure = { error }
          onChange()
        }
      })
      return () => {
        isGone = true
        if (!source) return
        ;({ lastEventId } = source)
        const isClosed = source.status.state === 'closed'
        const isSentOnce = reconnectMode(latest.current) === 'never'
        isOver = isClosed || isSentOnce
        source.close()
        source = undefined
        if (isSentOnce && !isClosed) {
          const cause = new StreamEndError('interrupted', 'its component was hidden')
          view = { ...view, status: { state: 'closed', reason: 'interrupted', cause } }
        } else if (!isClosed) view = { ...view, status: statusBefore(url) }
      }
    },
    view() {
      if (failure) throw failure.error
      return view
    },
  }
}

/** The status of a stream that is not open yet. */
function statusBefore(url: string | undefined): StreamStatus {
  return url === undefined ? { state: 'paused' } : { state: 'connecting', attempt: 0 }
}

/** The options, in which each function calls the one that the last render has given in its place. */
function withLatestFunctions<Options extends object>(latest: { readonly current: Options }): Options {
  const isFunction = (value: unknown): value is (...args: unknown[]) => unknown => typeof value === 'function'
  const follow = ([name, value]: [string, unknown]): [string, unknown] => [
    name,
    isFunction(value)
      ? (...args: unknown[]) => {
          const now: unknown = latest.current[name as keyof Options]
          return (isFunction(now) ? now : value)(...args)
        }
      : value,
  ]
  return Object.fromEntries(Object.entries(latest.current).map(follow)) as Options
}
