import { readAnnouncement } from '../wire-contract/reserved-events.ts'
import type { Gap } from '../wire-contract/reserved-events.ts'
import { EventDataError } from '../errors/event-data-error.ts'
import type { LastEventIdStoreError } from '../errors/last-event-id-store-error.ts'
import { QueueOverflowError } from '../errors/queue-overflow-error.ts'
import { decodeData } from './event-data.ts'
import type { EventSchemas, TextEvent } from './event-data.ts'
import { createEventQueue } from './event-queue.ts'
import type { SlowConsumerPolicy } from './event-queue.ts'
import type { StreamEvent } from '../client/event-source-client.ts'
import { createListeners, reportUncaught } from './listeners.ts'
import type { Listeners } from './listeners.ts'

export type DeliveredEvent = StreamEvent<string, unknown>

export interface DeliveryConfig {
  readonly events: EventSchemas | undefined
  readonly data: 'text' | 'json'
  readonly wireContract: 'follow' | 'ignore'
  readonly maxBufferedBytes: number
  readonly slowConsumer: SlowConsumerPolicy
  /** `isReady` has changed. */
  onFlow(): void
  /** Everything up to this position has been handed over. */
  onHandedOver(lastEventId: string): void
  /** `stream.end`, in its turn. */
  onEnd(): void
  onOverflow(error: QueueOverflowError): void
}

/** Decodes events and hands them to the listeners and the iterators, in the order of the wire. */
export interface EventDelivery {
  /** Somebody listens, and nobody lags behind. */
  readonly isReady: boolean
  readonly receive: (event: TextEvent) => void
  readonly receiveComment: (text: string) => void
  /** The position moved without an event. */
  readonly skip: (lastEventId: string) => void
  readonly fail: (error: EventDataError | LastEventIdStoreError) => void
  /** Runs after the events that are still being decoded. */
  readonly inTurn: (task: () => void) => void
  /** The iterators get what waits, then the end. */
  readonly end: (error?: unknown) => void
  /** Nobody gets anything any more. */
  readonly stop: () => void
  readonly consumers: Consumers
}

/** What the client offers to those who want events. */
export interface Consumers {
  readonly on: (type: string, listener: (event: DeliveredEvent) => void) => () => void
  readonly onAny: (listener: (event: DeliveredEvent) => void) => () => void
  readonly onComment: (listener: (text: string) => void) => () => void
  readonly onGap: (listener: (gap: Gap) => void) => () => void
  readonly onError: (listener: (error: EventDataError | LastEventIdStoreError) => void) => () => void
  readonly [Symbol.asyncIterator]: () => AsyncIterableIterator<DeliveredEvent, undefined>
}

/** What an event costs in memory beside its data: objects, id, type. Rough, and on the safe side. */
const EVENT_OVERHEAD_BYTES = 256

export function createEventDelivery(config: DeliveryConfig): EventDelivery {
  // Not the object itself: an event of the type "constructor" would find something there.
  const schemas = config.events && new Map(Object.entries(config.events))
  const byType = new Map<string, Listeners<DeliveredEvent>>()
  const any = createListeners<DeliveredEvent>()
  const comments = createListeners<string>()
  const gaps = createListeners<Gap>()
  const errors = createListeners<EventDataError | LastEventIdStoreError>()
  const queue = createEventQueue(
    config.maxBufferedBytes,
    config.slowConsumer,
    () => config.onFlow(),
    describeDrop,
  )
  /** Text as it came is handed over as it came. */
  const isPlain = config.data === 'text' && schemas === undefined
  let consumers = 0
  let iterators = 0
  // Reading stops a chunk late: what comes when nobody is there waits in the queue for whoever comes next.
  let isHolding = false
  let isOver = false
  // The work of asynchronous schemas, in order; undefined when there is none, which is the fast path.
  let decoding: Promise<void> | undefined
  // What an iterator was given and has not asked beyond yet.
  let taken: DeliveredEvent | undefined
  let takenId = ''

  /** @param asIterators - 1 for an iterator, 0 for a listener. */
  function consume(asIterators: 0 | 1): () => void {
    consumers += 1
    iterators += asIterators
    config.onFlow()
    let isGone = false
    return () => {
      if (isGone) return
      isGone = true
      consumers -= 1
      iterators -= asIterators
      config.onFlow()
    }
  }

  function subscribe<T>(listeners: Listeners<T>, listener: (argument: T) => void): () => void {
    if (isOver) return () => {}
    const remove = listeners.add(listener)
    const leave = consume(0)
    // Later: the caller does not have what removes the listener yet.
    queueMicrotask(release)
    return () => {
      remove()
      leave()
    }
  }

  function receive(event: TextEvent): void {
    // Most events are messages: that is one comparison of pointers.
    if (isPlain && (event.type === 'message' || !event.type.startsWith('stream.')))
      handOver(event, event.data.length)
    else {
      const work = decoding ? decoding.then(() => process(event)) : process(event)
      if (work) void awaitDecoding(work)
    }
  }

  async function awaitDecoding(work: Promise<void>): Promise<void> {
    decoding = work
    config.onFlow()
    await work
    if (decoding !== work) return
    decoding = undefined
    config.onFlow()
  }

  /** @returns A promise, which never rejects, only if the schema is asynchronous. */
  function process(event: TextEvent): Promise<void> | undefined {
    if (isOver) return undefined
    const { type, lastEventId } = event
    const give = (data: unknown): void => handOver({ type, data, lastEventId }, event.data.length)
    const announcement = config.wireContract === 'follow' ? readAnnouncement(event) : undefined
    if (announcement) {
      if (announcement.type === 'stream.gap') gaps.emit(announcement.data)
      give(isPlain ? event.data : announcement.data)
      if (announcement.type === 'stream.end' && !isOver) config.onEnd()
      return undefined
    }
    const schema = schemas?.get(type)
    if (schemas && !schema) {
      skip(lastEventId)
      return undefined
    }
    try {
      const data = decodeData(event, config.data, schema)
      if (data instanceof Promise) return data.then(give, failDecoding)
      give(data)
    } catch (error) {
      failDecoding(error)
    }
    return undefined
  }

  function failDecoding(error: unknown): void {
    if (error instanceof EventDataError) fail(error)
    else reportUncaught(error)
  }

  function handOver(event: DeliveredEvent, dataLength: number): void {
    if (isOver) return
    isHolding ||= consumers === 0
    if (!isHolding) {
      tellListeners(event)
      if (iterators === 0) return
    }
    try {
      queue.push(event, dataLength * 2 + EVENT_OVERHEAD_BYTES)
    } catch (error) {
      if (error instanceof QueueOverflowError) config.onOverflow(error)
      else throw error
    }
  }

  function tellListeners(event: DeliveredEvent): void {
    byType.get(event.type)?.emit(event)
    any.emit(event)
    // A listener may have closed the stream.
    if (iterators === 0 && !isOver) config.onHandedOver(event.lastEventId)
  }

  /** Gives what is held to the listeners, until they have all of it or have left again. */
  function release(): void {
    for (;;) {
      if (!isHolding || consumers === 0) return
      const event = queue.takeNow()
      if (event === undefined) isHolding = false
      else tellListeners(event)
    }
  }

  function skip(lastEventId: string): void {
    // Otherwise a later event will take the position along.
    if (queue.isEmpty && taken === undefined && decoding === undefined) config.onHandedOver(lastEventId)
  }

  function fail(error: EventDataError | LastEventIdStoreError): void {
    if (isOver) return
    if (errors.size > 0) errors.emit(error)
    else if (iterators > 0) queue.pushFailure(error)
    else reportUncaught(error)
  }

  function end(error?: unknown): void {
    isOver = true
    isHolding = false
    for (const listeners of [...byType.values(), any, comments, gaps, errors]) listeners.clear()
    queue.end(error)
  }

  function describeDrop(firstKept: DeliveredEvent): DeliveredEvent {
    const gap: Gap = {
      reason: 'dropped',
      requested: takenId || null,
      earliest: firstKept.lastEventId || null,
      latest: null,
    }
    return { type: 'stream.gap', data: isPlain ? JSON.stringify(gap) : gap, lastEventId: takenId }
  }

  function iterate(): AsyncIterableIterator<DeliveredEvent, undefined> {
    // First: to consume may bring the next events at once.
    isHolding = false
    const leave = consume(1)
    let isDone = false

    function finish(): IteratorReturnResult<undefined> {
      isDone = true
      leave()
      return { done: true, value: undefined }
    }

    function give(event: DeliveredEvent | undefined): IteratorResult<DeliveredEvent, undefined> {
      if (event === undefined) return finish()
      taken = event
      takenId = event.lastEventId
      return { done: false, value: event }
    }

    return {
      async next() {
        if (isDone) return finish()
        // Who asks for the next event is done with the last one.
        if (taken !== undefined) config.onHandedOver(taken.lastEventId)
        taken = undefined
        return give(queue.takeNow() ?? (await queue.take()))
      },
      return: async () => finish(),
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  return {
    get isReady() {
      // What a loop has left behind is for the next one, and holds up no listener.
      return consumers > 0 && !(queue.isFull && iterators > 0) && decoding === undefined
    },
    receive,
    receiveComment: comments.emit,
    skip,
    fail,
    inTurn(task) {
      if (decoding === undefined) task()
      else void decoding.then(task)
    },
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
      [Symbol.asyncIterator]: iterate,
    },
  }
}
