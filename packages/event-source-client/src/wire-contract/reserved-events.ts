import type { TextEvent } from '../stream-event.ts'

/*
 * The events that our server speaks for itself with. See docs/wire-contract.md, "Reserved events".
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

/** The producer of a finite topic failed. */
export interface ProducerFailure {
  readonly topic: string
  /** Made by the server to be shown. */
  readonly message: string
}

/** The data of each reserved event, by its type. */
export interface ReservedEvents {
  'stream.gap': Gap
  'stream.error': ProducerFailure
  'stream.end': { readonly topic: string }
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

/** The gap that the client's own queue makes. @param requested - The position of the last event before it, if any. */
export function droppedGap(requested: string, earliest: string): Gap {
  return { reason: 'dropped', requested: requested || null, earliest: earliest || null, latest: null }
}
