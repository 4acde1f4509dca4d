import type { TextEvent } from '../stream-event.ts'

/*
 * The events that our server speaks for itself with. See docs/reference/wire-contract.md, "Reserved events".
 */
export const gapType = 'stream.gap'

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

/**
 * How a stream that should come to an end did: `completed` is the only one after which nothing is missing.
 *
 * - `cancelled`: somebody asked for it.
 * - `failed`: what made the events failed.
 * - `interrupted`: the server was stopped before.
 * - `expired`: the topic's time was over before.
 */
export type EndReason = 'completed' | 'cancelled' | 'failed' | 'interrupted' | 'expired'

/** The last event of a stream that comes to an end. */
export interface StreamEnd {
  /** Absent for a stream that is not a hub's. */
  readonly topic?: string | undefined
  readonly reason: EndReason
}

/** What makes the events failed: the producer of a finite topic, or the source of a stream. */
export interface ProducerFailure {
  /** Absent for a stream that is not a hub's. */
  readonly topic?: string | undefined
  /** Made by the server to be shown. */
  readonly message: string
}

/** The data of each reserved event, by its type. */
export interface ReservedEvents {
  'stream.gap': Gap
  'stream.error': ProducerFailure
  'stream.end': StreamEnd
}

/** One of them, its `kind` being the rest of its type. */
export type ReservedEvent = {
  [Type in keyof ReservedEvents]: {
    readonly kind: Type extends `stream.${infer Kind}` ? Kind : never
    readonly data: ReservedEvents[Type]
  }
}[keyof ReservedEvents]

/** Whether the type is one that applications on our server have no events of. */
export function isReserved(type: string): boolean {
  return type.startsWith('stream.')
}

/** @returns Undefined for any other event. */
export function readReservedEvent({ type, data }: TextEvent): ReservedEvent | undefined {
  const kind = /^stream\.(gap|error|end)$/.exec(type)?.[1]
  if (!kind) return undefined
  try {
    const value: unknown = JSON.parse(data)
    return Object(value) === value ? ({ kind, data: value } as ReservedEvent) : undefined
  } catch {
    // Not JSON: not ours either.
    return undefined
  }
}

/** @returns `interrupted` for a reason that this client does not know: it may not pass for a whole. */
export function endReason({ reason = 'completed' }: Partial<StreamEnd>): EndReason {
  return /^(completed|cancelled|failed|expired)$/.test(reason) ? reason : 'interrupted'
}

/** The gap that the client's own queue makes. @param requested - The position of the last event before it, if any. */
export function droppedGap(requested: string, earliest: string): Gap {
  return { reason: 'dropped', requested: requested || null, earliest: earliest || null, latest: null }
}
