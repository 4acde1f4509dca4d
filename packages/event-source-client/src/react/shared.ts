import {
  createContext,
  createElement,
  useContext,
  useInsertionEffect,
  useMemo,
  useRef,
  useSyncExternalStore,
} from 'react'
import type { ReactNode } from 'react'
import type { EventOf } from '../client/event-source-client.ts'
import type { EventSchemas } from '../delivery/event-data.ts'
import { createListeners } from '../delivery/listeners.ts'
import type { Listeners } from '../delivery/listeners.ts'
import type { StreamStatus } from '../reconnection/stream-status.ts'
import type { StreamEvent } from '../stream-event.ts'
import { useEventSource } from './use-event-source.ts'
import type { EventSourceView, UseEventSourceOptions } from './use-event-source.ts'

export interface SharedEventSourceProps<
  Schemas extends EventSchemas | undefined,
  Data extends 'text' | 'json',
> {
  /** As in `useEventSource`: a new URL opens a new stream; null or undefined opens no stream. */
  readonly url: string | URL | null | undefined
  /** Over those of `createSharedEventSource`, as for `useEventSource`. */
  readonly options?: UseEventSourceOptions<Schemas, Data> | undefined
  readonly children?: ReactNode
}

/** Which events of the shared stream a component gets: all of them if both fields are absent. */
export interface UseEventsOptions<Event extends StreamEvent<string, unknown>> {
  readonly type?: Event['type'] | undefined
  /** The topic, as our server gives it with `topicField`. */
  readonly topic?: string | undefined
  /** Called with each of them, in order. The function of the last render is used. */
  readonly onEvent?: ((event: Event) => void) | undefined
}

export interface SharedEventSource<Schemas extends EventSchemas | undefined, Data extends 'text' | 'json'> {
  /** Holds the connection: open while it is mounted. */
  readonly Provider: (props: SharedEventSourceProps<Schemas, Data>) => ReactNode
  /** @throws Error if no `Provider` is above the component. */
  readonly useEvents: (
    options?: UseEventsOptions<EventOf<Schemas, Data>>,
  ) => EventSourceView<EventOf<Schemas, Data>>
}

interface SharedStream<Event extends StreamEvent<string, unknown>> {
  readonly status: StreamStatus
  readonly reconnect: () => void
  readonly listeners: Listeners<Event>
}

/**
 * One connection for all components below a provider.
 *
 * `Provider` is the stream's component, with the rules of `useEventSource`: one connection also under `StrictMode`, closed when
 * it is unmounted. `useEvents` gives a component below it the events that it asks for, and only those render it. A component that is mounted
 * later gets the events from then on.
 *
 * @param defaults - Options of each provider, schemas among them.
 * @example
 * ```ts
 * import { createElement } from 'react'
 * import type { ReactNode } from 'react'
 * import { createSharedEventSource } from '@sse-toolkit/event-source-client/react/shared'
 *
 * const orders = createSharedEventSource({ data: 'json' })
 *
 * export function OrderCount(): ReactNode {
 *   const { event } = orders.useEvents({ type: 'count' })
 *   return createElement('p', {}, String(event?.data ?? 0))
 * }
 *
 * export function App({ url }: { url: string }): ReactNode {
 *   return createElement(orders.Provider, { url }, createElement(OrderCount))
 * }
 * ```
 */
export function createSharedEventSource<
  const Schemas extends EventSchemas | undefined = undefined,
  Data extends 'text' | 'json' = 'text',
>(defaults: UseEventSourceOptions<Schemas, Data> = {}): SharedEventSource<Schemas, Data> {
  type Event = EventOf<Schemas, Data>
  const context = createContext<SharedStream<Event> | undefined>(undefined)

  function Provider({ url, options, children }: SharedEventSourceProps<Schemas, Data>): ReactNode {
    const href = url == null ? undefined : String(url)
    // For one stream: the events of another URL do not belong to it.
    const listeners = useMemo(() => createListeners<Event>(), [href])
    const merged = { ...defaults, ...options }
    const { status, reconnect } = useEventSource<Schemas, Data>(href, {
      ...merged,
      onEvent(event) {
        merged.onEvent?.(event)
        listeners.emit(event)
      },
    })
    // The same object for all events: the components below render for the status, and for their own events.
    const shared = useMemo(() => ({ status, reconnect, listeners }), [status, reconnect, listeners])
    return createElement(context.Provider, { value: shared }, children)
  }

  function useEvents({ type, topic, onEvent }: UseEventsOptions<Event> = {}): EventSourceView<Event> {
    const shared = useContext(context)
    if (!shared) throw new Error('useEvents: expected a Provider of the same shared event source above')
    const { status, reconnect, listeners } = shared
    const latest = useRef(onEvent)
    useInsertionEffect(() => {
      latest.current = onEvent
    })
    const newest = useMemo(() => {
      let event: Event | undefined
      return {
        read: () => event,
        subscribe: (onChange: () => void) => {
          const remove = listeners.add((next) => {
            if ((type !== undefined && next.type !== type) || (topic !== undefined && next.topic !== topic))
              return
            event = next
            latest.current?.(next)
            onChange()
          })
          return () => void remove()
        },
      }
    }, [listeners, type, topic])
    return { status, reconnect, event: useSyncExternalStore(newest.subscribe, newest.read, newest.read) }
  }

  return { Provider, useEvents }
}
