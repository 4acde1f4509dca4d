import { EventFieldError } from '../errors/event-field-error.ts'
import type { ServerSentEvent } from '../format/event.ts'

/*
 * The events that a hub writes for itself. Their types begin with `stream.`, which no application may publish; their data
 * is JSON. See docs/reference/wire-contract.md, "Reserved events".
 */
const reservedPrefix = 'stream.'
const gapType = 'stream.gap'
const endType = 'stream.end'
const failureType = 'stream.error'

/** Why events are missing. See docs/reference/wire-contract.md. */
export type GapReason = 'evicted' | 'epoch' | 'future' | 'dropped'

/**
 * What a reader gets when events were lost to it: the `data`, as JSON, of an event of type `stream.gap`.
 *
 * All positions are ids, or null.
 */
export interface Gap {
  readonly reason: GapReason
  /** The position the reader asked to go on after, or, for `dropped`, its last event before the gap. */
  readonly requested: string | null
  /** The first event that can still follow. */
  readonly earliest: string | null
  /** The newest event there was when the gap was noticed. */
  readonly latest: string | null
}

/**
 * Why a stream has come to its end.
 *
 * - `completed`: this was all.
 * - `cancelled`: somebody stopped it.
 * - `failed`: its producer failed.
 * - `interrupted`: the process that ran it stopped, or its log lost its memory.
 * - `expired`: the time of its topics was over before the reader came to their end.
 */
export type EndReason = 'completed' | 'cancelled' | 'failed' | 'interrupted' | 'expired'

/** Whether events of this type are the hub's own. */
export function isReserved(type: string | undefined): boolean {
  return type?.startsWith(reservedPrefix) === true
}

/** @throws {@link EventFieldError} `code: 'reserved-event'` */
export function checkNotReserved(type: string | undefined): void {
  if (!isReserved(type)) return
  const fact = `Event types that begin with '${reservedPrefix}' are the hub's own`
  throw new EventFieldError('reserved-event', 'event', type, fact)
}

/**
 * @param position - the id after which the stream goes on: the reader's position becomes it, so that a reader cut
 *   right after the gap does not get it again.
 */
export function gapEvent(gap: Gap, position: string | undefined): ServerSentEvent {
  const event = { event: gapType, data: gap }
  return position === undefined ? event : { ...event, id: position }
}

/** The last event of a finite topic, or of a stream without topics. */
export function endEvent(
  topic: string | undefined,
  reason: EndReason,
): { readonly event: string; readonly data: string } {
  return { event: endType, data: JSON.stringify({ topic, reason }) }
}

/** The producer of a finite topic, or the source of a stream without topics, failed. The end follows. */
export function failureEvent(
  topic: string | undefined,
  message: string,
): { readonly event: string; readonly data: string } {
  return { event: failureType, data: JSON.stringify({ topic, message }) }
}

/** What a reserved event of a log says; undefined for one that an application published. */
export function parseReserved(
  type: string | undefined,
  data: string,
):
  | { readonly type: 'end'; readonly reason: EndReason }
  | { readonly type: 'failure'; readonly message: string }
  | undefined {
  if (type !== endType && type !== failureType) return undefined
  const { reason = 'completed', message = '' } = JSON.parse(data) as {
    readonly reason?: EndReason
    readonly message?: string
  }
  return type === endType ? { type: 'end', reason } : { type: 'failure', message }
}

export function isEndType(type: string | undefined): boolean {
  return type === endType
}

export function isFailureType(type: string | undefined): boolean {
  return type === failureType
}
