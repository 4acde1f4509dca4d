import type { SharedBytes } from './byte-sink.ts'
import { formatComment, formatEvent } from '../format/event.ts'
import type { ServerSentEvent } from '../format/event.ts'
import { BytePool } from './byte-pool.ts'

/** One block of an event stream, formatted and encoded once, and shared by every connection that gets it. */
export interface Frame {
  /** A view of memory that other frames share: to be copied (`joinBytes`) before it is given away. */
  readonly bytes: Uint8Array
  /** The event's id, if it has one: a position that a `stream.gap` can name. */
  readonly id: string | undefined
  /** Under the policy `latest`, a frame takes the place of a waiting one of the same key. */
  readonly key: string
}

const encoder = new TextEncoder()
const pool = new BytePool()

export function encodeFrame(text: string, id: string | undefined, key: string): Frame {
  return { bytes: pool.encode(text), id, key }
}

/** @throws {@link EventFieldError} */
export function eventFrame(event: ServerSentEvent, key?: string): Frame {
  return encodeFrame(formatEvent(event), event.id, key ?? event.event ?? 'message')
}

/** @throws {@link EventFieldError} */
export function commentFrame(text?: string): Frame {
  return encodeFrame(formatComment(text), undefined, ':')
}

/**
 * The frames that one turn of the event loop has brought to a connection, as a path from the turn's root:
 *
 *     root -- a -- a,b -- a,b,c      what the connections hold that got a, b and c
 *         \
 *          `- b                      ... and those that got b alone
 *
 * Connections that got the same frames in the same order stand at the same node, so the frames are joined, and framed
 * for HTTP/1.1, once for all of them. To step is one comparison, because the connections that take the same step take
 * it one right after the other: each node remembers only its latest child.
 */
export class Batch implements SharedBytes {
  readonly byteLength: number
  readonly #previous: Batch | null
  readonly #frame: Frame | null
  #latestChild: Batch | null = null
  #joined: { readonly bytes: Uint8Array; readonly chunk: Uint8Array } | null = null

  private constructor(previous: Batch | null, frame: Frame | null) {
    this.#previous = previous
    this.#frame = frame
    this.byteLength = previous === null || frame === null ? 0 : previous.byteLength + frame.bytes.byteLength
  }

  static root(): Batch {
    return new Batch(null, null)
  }

  with(frame: Frame): Batch {
    const child = this.#latestChild
    if (child !== null && child.#frame === frame) return child
    return (this.#latestChild = new Batch(this, frame))
  }

  get bytes(): Uint8Array {
    return (this.#joined ??= joinBytes(Batch.#partsOf(this))).bytes
  }

  get chunk(): Uint8Array {
    return (this.#joined ??= joinBytes(Batch.#partsOf(this))).chunk
  }

  static #partsOf(batch: Batch): Uint8Array[] {
    const parts: Uint8Array[] = []
    for (let node = batch; node.#frame !== null && node.#previous !== null; node = node.#previous) {
      parts.push(node.#frame.bytes)
    }
    return parts.reverse()
  }
}

/**
 * Joins the parts, with room around them for the size and line ends of a chunk: both forms are views of one buffer.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-7.1
 */
export function joinBytes(parts: readonly Uint8Array[]): SharedBytes {
  let byteLength = 0
  for (const part of parts) byteLength += part.byteLength
  const size = `${byteLength.toString(16)}\r\n`
  const chunk = new Uint8Array(size.length + byteLength + 2)
  encoder.encodeInto(size, chunk)
  let offset = size.length
  for (const part of parts) {
    chunk.set(part, offset)
    offset += part.byteLength
  }
  const bytes = chunk.subarray(size.length, offset)
  chunk[offset] = 0x0d
  chunk[offset + 1] = 0x0a
  return { bytes, chunk }
}
