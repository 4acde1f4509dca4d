import type { TextEvent } from '../delivery/event-data.ts'
import { parsePosition } from './event-id.ts'

/** Events were lost: said by our server (`stream.gap`), or by the client's own queue (`dropped`). */
export interface Gap {
  /** `evicted`: the log no longer holds them. `epoch`: the log lost its memory. `future`: the position asked for is
   *  beyond the log's end. `dropped`: this connection, or its reader, was too slow. */
  readonly reason: 'evicted' | 'epoch' | 'future' | 'dropped'
  /** The position that the stream was to go on after. */
  readonly requested: string | null
  /** The first event that can still follow. */
  readonly earliest: string | null
  /** The end of the log. */
  readonly latest: string | null
}

/** The producer of a finite topic failed. */
export interface ProducerFailure {
  readonly topic: string
  /** Made by the server to be shown. */
  readonly message: string
}

/** The events that our server speaks for itself with, by type. */
export interface Announcements {
  'stream.gap': Gap
  'stream.error': ProducerFailure
  'stream.end': { readonly topic: string }
}

export type Announcement = {
  [Type in keyof Announcements]: { readonly type: Type; readonly data: Announcements[Type] }
}[keyof Announcements]

/**
 * @returns Undefined for any other event, and for one of another server that merely has the same type: only ours has
 *   ids that are positions.
 * @see docs/wire-contract.md, "Reserved events"
 */
export function readAnnouncement({ type, data, lastEventId }: TextEvent): Announcement | undefined {
  if (!/^stream\.(gap|error|end)$/.test(type) || parsePosition(lastEventId) === undefined) return undefined
  try {
    const value: unknown = JSON.parse(data)
    return typeof value === 'object' && value !== null ? ({ type, data: value } as Announcement) : undefined
  } catch {
    // Not JSON: not ours either.
    return undefined
  }
}
