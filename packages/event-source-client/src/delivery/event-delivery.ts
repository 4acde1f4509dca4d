import type { EventDataError } from '../errors/event-data-error.ts'
import type { LastEventIdStoreError } from '../errors/last-event-id-store-error.ts'
import { QueueOverflowError } from '../errors/queue-overflow-error.ts'
import type { DecodedEvent, TextEvent } from '../stream-event.ts'
import { droppedGap, gapType } from '../wire-contract/reserved-events.ts'
import type { EndReason, Gap } from '../wire-contract/reserved-events.ts'
import { createEventIteration } from './event-iteration.ts'
import { createEventQueue } from './event-queue.ts'
import type { QueueOverflowPolicy } from './event-queue.ts'
import { createListeners, reportUncaught } from './listeners.ts'
import type { Listeners } from './listeners.ts'
import { createOrderedDecoding } from './ordered-decoding.ts'
import type { DecodingConfig } from './ordered-decoding.ts'

/*
 * An event's way from the connection to its listeners and loops:
 *
 *     decode -> ordered decoding -> listeners, now or when they come
 *                               '-> queue -> iterators
 *
 * Reading stops a chunk late, so events arrive while nothing listens. The queue holds them, and the first listener or loop gets
 * them before anything newer:
 *
 *     emitting --(no listener left)--> holding --(a listener is added)--> releasing --(nothing is held any more)--> emitting
 *                                        |
 *                                        '--(an iterator came, and takes them)--> emitting
 */

export interface DeliveryConfig extends DecodingConfig {
  readonly maxBufferedBytes: number
  readonly slowConsumer: QueueOverflowPolicy
  /** `isReady` may have changed. */
  readonly onFlow: () => void
  /** Everything up to this position has been handed over. */
  readonly save: (lastEventId: string) => void
  /** The server has said, in its turn, that this is the end; or too much waits. */
  readonly close: (reason: EndReason | 'error', cause?: QueueOverflowError) => void
  /** The last consumer has left by leaving its loop. */
  readonly leave: () => void
  /** What made the events failed; `close` follows. */
  readonly onFailure: (words: string) => void
}

/** Decodes events and hands them to the listeners and the iterators, in the order of the wire. */
export interface EventDelivery {
  /** There is a listener, and no listener is behind. */
  readonly isReady: boolean
  readonly decode: (event: TextEvent) => void
  readonly onComment: (text: string) => void
  /** The position moved without an event. */
  readonly skip: (lastEventId: string) => void
  readonly fail: (error: EventDataError | LastEventIdStoreError) => void
  /** Runs after the events that are still being decoded. */
  readonly inTurn: (task: () => void) => void
  /** The iterators get what waits, then the end. */
  readonly end: (error?: Error) => void
  /** Nothing is delivered any more. */
  readonly stop: () => void
  readonly consumers: Consumers
}

export interface EventsOptions {
  /** Leaving the loop leaves the stream open. @defaultValue false: if nothing else reads the stream, it is closed */
  readonly keepOpen?: boolean | undefined
}

/** What the client offers to readers of events. Each of the methods that add a listener returns a function that removes it. */
export interface Consumers {
  readonly on: (type: string, listener: (event: DecodedEvent) => void) => () => void
  readonly onAny: (listener: (event: DecodedEvent) => void) => () => void
  readonly onComment: (listener: (text: string) => void) => () => void
  readonly onGap: (listener: (gap: Gap) => void) => () => void
  readonly onError: (listener: (error: EventDataError | LastEventIdStoreError) => void) => () => void
  readonly events: (options?: EventsOptions) => AsyncIterableIterator<DecodedEvent, undefined>
  readonly [Symbol.asyncIterator]: () => AsyncIterableIterator<DecodedEvent, undefined>
}

/** What an event costs in memory besides its data: objects, id, type. A rough figure, on the safe side. */
const eventOverheadBytes = 256

export function createEventDelivery(config: DeliveryConfig): EventDelivery {
  const { onFlow, save } = config
  // Listeners, of comments and gaps too, and iterators.
  let consumers = 0
  let iterators = 0
  let isHolding = false
  let isOver = false
  const byType = new Map<string, Listeners<DecodedEvent>>()
  const any = createListeners<DecodedEvent>()
  const comments = createListeners<string>()
  const gaps = createListeners<Gap>()
  const errors = createListeners<EventDataError | LastEventIdStoreError>()
  const queue = createEventQueue(config.maxBufferedBytes, config.slowConsumer, onFlow, describeDrop)
  const iteration = createEventIteration(queue, countIterator, save)
  const decoding = createOrderedDecoding(config, {
    isOver: () => isOver,
    onEvent: handOver,
    onGap: gaps.emit,
    onFailure: config.onFailure,
    onEnd: config.close,
    onFlow,
    skip,
    fail,
  })

  /** @param by - 1 for one more, -1 for one less. */
  function countConsumer(by: 1 | -1): void {
    consumers += by
    onFlow()
  }

  function countIterator(by: 1 | -1): void {
    // First: one more reader may bring the next events at once, and what is held is the iterator's.
    isHolding = false
    iterators += by
    countConsumer(by)
  }

  function subscribe<T>(listeners: Listeners<T>, listener: (argument: T) => void): () => void {
    if (isOver) return () => {}
    const remove = listeners.add(listener)
    countConsumer(1)
    // Later: the caller does not have what removes the listener yet.
    queueMicrotask(release)
    return () => {
      if (remove()) countConsumer(-1)
    }
  }

  function handOver(event: DecodedEvent, dataLength: number): void {
    if (isOver) return
    isHolding ||= consumers === 0
    if (!isHolding) {
      emit(event)
      if (iterators === 0) return
    }
    if (!queue.push(event, dataLength * 2 + eventOverheadBytes))
      config.close('error', new QueueOverflowError(config.maxBufferedBytes))
  }

  function emit(event: DecodedEvent): void {
    byType.get(event.type)?.emit(event)
    any.emit(event)
    // A listener may have closed the stream.
    if (iterators === 0 && !isOver) save(event.lastEventId)
  }

  /** Until nothing is held, or everybody has left again. */
  function release(): void {
    for (;;) {
      if (!isHolding || consumers === 0) return
      const event = queue.takeNow()
      if (event) emit(event)
      else isHolding = false
    }
  }

  function skip(lastEventId: string): void {
    // Otherwise a later event will take the position along.
    if (queue.isEmpty && !iteration.isBusy && !decoding.isBusy) save(lastEventId)
  }

  function fail(error: EventDataError | LastEventIdStoreError): void {
    if (isOver) return
    if (errors.size > 0) errors.emit(error)
    else if (iterators > 0) queue.fail(error)
    else reportUncaught(error)
  }

  function end(error?: Error): void {
    isOver = true
    isHolding = false
    for (const listeners of [...byType.values(), any, comments, gaps, errors]) listeners.clear()
    queue.end(error)
  }

  function events({ keepOpen = false }: EventsOptions = {}): AsyncIterableIterator<DecodedEvent, undefined> {
    return iteration.iterate(() => {
      if (!keepOpen && consumers === 0) config.leave()
    })
  }

  function describeDrop(firstKept: DecodedEvent): DecodedEvent {
    const { lastEventId } = iteration
    const gap = droppedGap(lastEventId, firstKept.lastEventId)
    return { type: gapType, data: decoding.isPlain ? JSON.stringify(gap) : gap, lastEventId }
  }

  return {
    get isReady() {
      // What a loop has left behind is for the next one, and holds up no listener.
      return consumers > 0 && !(queue.isFull && iterators > 0) && !decoding.isBusy
    },
    decode: decoding.decode,
    onComment: comments.emit,
    skip,
    fail,
    inTurn: decoding.inTurn,
    end,
    stop() {
      queue.clear()
      end()
    },
    consumers: {
      on(type, listener) {
        const listeners = byType.get(type) ?? createListeners()
        byType.set(type, listeners)
        const leave = subscribe(listeners, listener)
        return () => {
          leave()
          if (!byType.get(type)?.size) byType.delete(type)
        }
      },
      onAny: (listener) => subscribe(any, listener),
      onComment: (listener) => subscribe(comments, listener),
      onGap: (listener) => subscribe(gaps, listener),
      onError: errors.add,
      events,
      [Symbol.asyncIterator]: () => events(),
    },
  }
}
