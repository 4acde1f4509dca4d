import { EventDataError } from '../errors/event-data-error.ts'
import type { DecodedEvent, TextEvent } from '../stream-event.ts'
import { endReason, isReserved, readReservedEvent } from '../wire-contract/reserved-events.ts'
import type { EndReason, Gap } from '../wire-contract/reserved-events.ts'
import { decodeData } from './event-data.ts'
import type { EventSchemas } from './event-data.ts'

export interface DecodingConfig {
  readonly events?: EventSchemas | undefined
  readonly data: 'text' | 'json'
  /** The data that says that this is the end. */
  readonly terminator?: string | undefined
  /** Whether the event at hand comes from a server that follows the wire contract. */
  readonly isOurs: () => boolean
}

/** What becomes of the events, in the order in which they came. */
export interface DecodingObserver {
  /** Nothing more is decoded. */
  readonly isOver: () => boolean
  /** @param dataLength - Of the data as it came, in UTF-16 code units. */
  readonly onEvent: (event: DecodedEvent, dataLength: number) => void
  /** Called before its event. */
  readonly onGap: (gap: Gap) => void
  /** Called before its event. */
  readonly onFailure: (words: string) => void
  /** Called after the event that says so. */
  readonly onEnd: (reason: EndReason) => void
  /** An event without a listener; only the position moves. */
  readonly skip: (lastEventId: string) => void
  readonly fail: (error: EventDataError) => void
  /** `isBusy` has changed. */
  readonly onFlow: () => void
}

export interface OrderedDecoding {
  /** Text as it came is handed over as it came. */
  readonly isPlain: boolean
  /** An asynchronous schema is at work. */
  readonly isBusy: boolean
  readonly decode: (event: TextEvent) => void
  /** Runs after the events that are still being decoded. */
  readonly inTurn: (task: () => void) => void
}

/** Decodes the data of events. Schemas may be asynchronous: no event overtakes another one for that. */
export function createOrderedDecoding(config: DecodingConfig, observer: DecodingObserver): OrderedDecoding {
  // Not the object itself: an event of the type "constructor" would find something there.
  const schemas = config.events && new Map(Object.entries(config.events))
  const isPlain = config.data === 'text' && !schemas
  // The work of asynchronous schemas, in order; undefined when there is none, which is the fast path.
  let work: Promise<void> | undefined

  function inTurn(task: () => Promise<void> | void): void {
    const next = work ? work.then(task) : task()
    if (next) void awaitWork(next)
  }

  async function awaitWork(next: Promise<void>): Promise<void> {
    work = next
    observer.onFlow()
    await next
    if (work !== next) return
    work = undefined
    observer.onFlow()
  }

  /** @returns A promise, which never rejects, only if the schema is asynchronous. */
  function process(event: TextEvent, isOurs: boolean): Promise<void> | void {
    if (observer.isOver()) return
    const { type, lastEventId } = event
    const give = (data: unknown): void =>
      data instanceof EventDataError
        ? observer.fail(data)
        : observer.onEvent({ ...event, data }, event.data.length)
    const reserved = isOurs ? readReservedEvent(event) : undefined
    if (reserved) {
      if (reserved.kind === 'gap') observer.onGap(reserved.data)
      if (reserved.kind === 'error') observer.onFailure(reserved.data.message)
      give(isPlain ? event.data : reserved.data)
      if (reserved.kind === 'end') observer.onEnd(endReason(reserved.data))
      return
    }
    const schema = schemas?.get(type)
    if (schemas && !schema) return observer.skip(lastEventId)
    const data = decodeData(event, config.data, schema, isOurs)
    if (data instanceof Promise) return data.then(give)
    give(data)
  }

  // Apart from `decode`, to which a closure over the event would cost a context for each event.
  function processInTurn(event: TextEvent): void {
    // Asked now: it is of this connection, and the work before it may last until the next.
    const isOurs = config.isOurs()
    inTurn(() => process(event, isOurs))
  }

  return {
    isPlain,
    get isBusy() {
      return work !== undefined
    },
    decode(event) {
      if (event.data === config.terminator) {
        inTurn(() => observer.onEnd('completed'))
        return
      }
      // Most events are messages: that is one comparison of pointers.
      if (isPlain && (event.type === 'message' || !isReserved(event.type)))
        observer.onEvent(event, event.data.length)
      else processInTurn(event)
    },
    inTurn,
  }
}
