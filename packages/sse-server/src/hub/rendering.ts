import { isThenable } from '../callbacks.ts'
import type { ConnectionSettings } from '../connection/connection-options.ts'
import { encodeFrame, eventFrame } from '../connection/frame.ts'
import type { Frame } from '../connection/frame.ts'
import { OptionError } from '../errors/option-error.ts'
import { formatEvent } from '../format/event.ts'
import type { ServerSentEvent } from '../format/event.ts'
import type { LogEntry } from '../log/event-log.ts'
import { checkOptionNames } from '../option-names.ts'
import { functionOption } from '../options.ts'
import { formatEventId } from '../wire-contract/event-id.ts'
import {
  checkNotReserved,
  endEvent,
  gapEvent,
  isFailureType,
  parseReserved,
} from '../wire-contract/reserved-events.ts'
import type { EndReason, Gap } from '../wire-contract/reserved-events.ts'
import { withTopicField } from '../wire-contract/topic-field.ts'
import type { OwnEvent, SubscribeOptions } from './hub-options.ts'

interface RenderingHost {
  readonly settings: ConnectionSettings
  /** The frame of an entry as most subscriptions get it; null if it cannot be formatted. */
  readonly frameOf: (entry: LogEntry) => Frame | null
}

type PlainEvent = Required<Pick<ServerSentEvent, 'data'>> & Pick<ServerSentEvent, 'event'>

/** What a subscription may say in its own way. */
export type RenderingOptions = Pick<SubscribeOptions, 'map' | 'words' | 'topicField'>

/**
 * What is written for what happens, to one subscription: most write the frames that all share; some write words of their own,
 * and some nothing.
 */
export class Rendering {
  readonly #host: RenderingHost
  readonly #options: RenderingOptions
  // For the one subscription that has these words.
  #hasToldFailure = false

  constructor(host: RenderingHost, options: RenderingOptions) {
    this.#host = host
    this.#options = options
  }

  /** @returns null if it is left out. @throws what `map` throws. */
  event(entry: LogEntry): Frame | null {
    const { map, topicField } = this.#options
    if (isFailureType(entry.event)) return this.#failure(entry)
    if (map === undefined && topicField !== true) return this.#host.frameOf(entry)
    const { topic, event, data, key, position } = entry
    const id = formatEventId(position)
    const plain: PlainEvent = { data, ...(event !== undefined && { event }) }
    const own =
      map === undefined ? plain : checked('map', map({ topic, event: event ?? 'message', data, id }))
    if (own === null) return null
    const block = formatEvent({ ...own, id })
    return encodeFrame(topicField === true ? withTopicField(block, topic) : block, id, key ?? topic)
  }

  /**
   * The end of the stream, and whether the reader can tell from it that not all of it came. If it cannot, the response must
   * be broken off.
   */
  end(
    entry: LogEntry | undefined,
    topic: string,
    reason: EndReason,
  ): { frame: Frame | null; isTold: boolean } {
    const { words } = this.#options
    // Without an end event: the end of the response means that this was all, and a failure was sent before.
    const isToldBefore =
      reason === 'completed' || reason === 'cancelled' || (reason === 'failed' && this.#hasToldFailure)
    if (words?.end !== undefined) {
      const own = checked('words.end', words.end({ topic, reason }))
      return { frame: own && eventFrame(own, 'end'), isTold: isToldBefore || own !== null }
    }
    if (this.#host.settings.wireContract !== 'full') return { frame: null, isTold: isToldBefore }
    return {
      frame: entry === undefined ? eventFrame(endEvent(topic, reason)) : this.#host.frameOf(entry),
      isTold: true,
    }
  }

  /** @param id - the position after the gap; undefined where it is given later. */
  gap(gap: Gap, id: string | undefined): Frame | null {
    // A separate key, so that it replaces no waiting event.
    const key = `gap ${id}`
    const position = id === undefined ? {} : { id }
    const { words } = this.#options
    if (words?.gap !== undefined) {
      const own = checked('words.gap', words.gap(gap))
      return own && eventFrame({ ...own, ...position }, key)
    }
    const { wireContract } = this.#host.settings
    if (wireContract === 'full') return eventFrame(gapEvent(gap, id), key)
    return wireContract === 'off' || id === undefined ? null : eventFrame({ id }, key)
  }

  #failure(entry: LogEntry): Frame | null {
    const { words } = this.#options
    if (words?.failure === undefined)
      return this.#host.settings.wireContract === 'full' ? this.#host.frameOf(entry) : null
    const said = parseReserved(entry.event, entry.data)
    const message = said?.type === 'failure' ? said.message : ''
    const own = checked('words.failure', words.failure({ topic: entry.topic, message }))
    this.#hasToldFailure ||= own !== null
    return own && eventFrame({ ...own, id: formatEventId(entry.position) }, `failure ${entry.topic}`)
  }
}

/** @throws {@link OptionError} for anything else than an event. A promise of one would come too late. */
function checked(option: string, own: OwnEvent | null | undefined): PlainEvent | null {
  if (own === null || own === undefined) return null
  if (typeof own !== 'object' || isThenable(own) || !('data' in own))
    throw new OptionError(option, own, 'a function that returns an event, or null to leave it out')
  checkNotReserved(own.event)
  return { data: own.data, ...(own.event !== undefined && { event: own.event }) }
}

/** @throws {@link OptionError} */
export function checkRendering(options: RenderingOptions): RenderingOptions {
  const { map, words, topicField } = options
  functionOption('map', map)
  if (topicField !== undefined && typeof topicField !== 'boolean')
    throw new OptionError('topicField', topicField, 'true or false')
  if (words === undefined) return options
  if (typeof words !== 'object' || words === null)
    throw new OptionError('words', words, 'an object with functions end, failure and gap')
  checkOptionNames(words, { end: true, failure: true, gap: true })
  for (const [name, word] of Object.entries(words)) functionOption(`words.${name}`, word)
  return options
}
