import { readAnnouncement } from './announcements.ts'
import type { Gap } from './announcements.ts'
import { EventDataError } from './errors/event-data-error.ts'
import type { LastEventIdStoreError } from './errors/last-event-id-store-error.ts'
import { QueueOverflowError } from './errors/queue-overflow-error.ts'
import { decodeData } from './event-data.ts'
import type { EventSchemas, TextEvent } from './event-data.ts'
import { createEventQueue } from './event-queue.ts'
import type { SlowConsumerPolicy } from './event-queue.ts'
import type { StreamEvent } from './event-source-client.ts'
import { createListeners, reportUncaught } from './listeners.ts'
import type { Listeners } from './listeners.ts'

export type DeliveredEvent = StreamEvent<string, unknown>

export interface DeliveryConfig {
  readonly events: EventSchemas | undefined
  readonly data: 'text' | 'json'
  readonly followsContract: boolean
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
  readonly on: (type: string, listener: (event: DeliveredEvent) => void) => () => void
  readonly onAny: (listener: (event: DeliveredEvent) => void) => () => void
  readonly onComment: (listener: (text: string) => void) => () => void
  readonly onGap: (listener: (gap: Gap) => void) => () => void
  readonly onError: (listener: (error: EventDataError | LastEventIdStoreError) => void) => () => void
  readonly iterate: () => AsyncIterableIterator<DeliveredEvent, undefined>
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

  function consume(): () => void {
    consumers += 1
    config.onFlow()
    let isGone = false
    return () => {
      if (isGone) return
      isGone = true
      consumers -= 1
      config.onFlow()
    }
  }

  function subscribe<T>(listeners: Listeners<T>, listener: (argument: T) => void): () => void {
    if (isOver) return () => {}
    const remove = listeners.add(listener)
    const leave = consume()
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
    else if (decoding === undefined) enqueue(process(event))
    else enqueue(decoding.then(() => process(event)))
  }

  function enqueue(work: Promise<void> | undefined): void {
    if (work === undefined) return
    decoding = work
    config.onFlow()
    void work.then(() => settleDecoding(work))
  }

  function settleDecoding(work: Promise<void>): void {
    if (decoding !== work) return
    decoding = undefined
    config.onFlow()
  }

  /** @returns A promise, which never rejects, only if the schema is asynchronous. */
  function process(event: TextEvent): Promise<void> | undefined {
    if (isOver) return undefined
    const { type, lastEventId } = event
    const announcement = config.followsContract ? readAnnouncement(event) : undefined
    if (announcement) {
      if (announcement.type === 'stream.gap') gaps.emit(announcement.data)
      handOver({ type, data: isPlain ? event.data : announcement.data, lastEventId }, event.data.length)
      if (announcement.type === 'stream.end' && !isOver) config.onEnd()
      return undefined
    }
    const schema = schemas?.get(type)
    if (schemas !== undefined && schema === undefined) {
      skip(lastEventId)
      return undefined
    }
    try {
      const data = decodeData(event, config.data, schema)
      if (data instanceof Promise)
        return data.then(
          (value) => handOver({ type, data: value, lastEventId }, event.data.length),
          failDecoding,
        )
      handOver({ type, data, lastEventId }, event.data.length)
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

  function silence(): void {
    isOver = true
    isHolding = false
    for (const listeners of [...byType.values(), any, comments, gaps, errors]) listeners.clear()
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
    // In this order: to consume may bring the next events at once.
    iterators += 1
    isHolding = false
    const leave = consume()
    let isDone = false

    function finish(): IteratorReturnResult<undefined> {
      if (!isDone) iterators -= 1
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
      next() {
        if (isDone) return Promise.resolve(finish())
        // Who asks for the next event is done with the last one.
        if (taken !== undefined) config.onHandedOver(taken.lastEventId)
        taken = undefined
        const ready = queue.takeNow()
        return ready === undefined ? queue.take().then(give) : Promise.resolve(give(ready))
      },
      return: () => Promise.resolve(finish()),
      [Symbol.asyncIterator]() {
        return this
      },
    }
  }

  return {
    get isReady() {
      return consumers > 0 && !queue.isFull && decoding === undefined
    },
    receive,
    receiveComment: (text) => comments.emit(text),
    skip,
    fail,
    inTurn(task) {
      if (decoding === undefined) task()
      else void decoding.then(task)
    },
    end(error) {
      silence()
      queue.end(error)
    },
    stop() {
      silence()
      queue.clear()
      queue.end()
    },
    on(type, listener) {
      let listeners = byType.get(type)
      if (listeners === undefined) byType.set(type, (listeners = createListeners()))
      return subscribe(listeners, listener)
    },
    onAny: (listener) => subscribe(any, listener),
    onComment: (listener) => subscribe(comments, listener),
    onGap: (listener) => subscribe(gaps, listener),
    onError: errors.add,
    iterate,
  }
}
