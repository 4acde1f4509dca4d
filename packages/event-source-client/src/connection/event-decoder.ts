import { createParser } from 'eventsource-parser'
import { EventSizeError } from '../errors/event-size-error.ts'

/** What the decoder finds, in the order of the wire. A callback that throws aborts the chunk. */
export interface DecodedBlocks {
  /** A block with data. `id` is undefined if the block has none. */
  readonly onEvent: (type: string, data: string, id: string | undefined) => void
  /** A block with an id and no data: no event, but the position moves. */
  readonly onIdOnly: (id: string) => void
  /** Whole milliseconds; a huge one is Infinity. */
  readonly onRetry: (reconnectionTimeMs: number) => void
  readonly onComment: (text: string) => void
  /** Terminal: nothing is decoded after it. */
  readonly onError: (error: EventSizeError) => void
}

export interface EventDecoder {
  readonly decode: (chunk: Uint8Array) => void
  /** Nothing is called any more, not for the rest of the chunk at hand either. */
  readonly stop: () => void
  readonly hadEvents: boolean
  /** It had an event, or an id. */
  readonly hadBlocks: boolean
}

/**
 * Decodes the bytes of one response into event stream blocks.
 *
 * One decoder per connection: an unfinished block is dropped with it, as the standard wants.
 *
 * @param maxEventBytes - Bounds the unfinished block that is held in memory, an endless line included. Counted as the
 *   text is held, in UTF-16 code units, which for ASCII are bytes and never are more than the bytes.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export function createEventDecoder(
  maxEventBytes: number,
  { onEvent, onIdOnly, onRetry, onComment, onError }: DecodedBlocks,
): EventDecoder {
  // The parser strips the one BOM that the standard strips; the TextDecoder would strip one more.
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  // The parser reports a block's id before its event, but for a block without data there is only the id: which of
  // the two it is shows when the next callback comes, or none.
  let pendingId: string | undefined
  let tooLarge = false
  let isStopped = false
  let hadEvents = false
  let hadBlocks = false

  const flushId = (): void => {
    if (pendingId === undefined) return
    const id = pendingId
    pendingId = undefined
    if (!isStopped) onIdOnly(id)
  }

  /** What ends a block with an id alone, if there is one. */
  const afterId =
    <Value>(tell: (value: Value) => void) =>
    (value: Value): void => {
      flushId()
      if (!isStopped) tell(value)
    }

  const parser = createParser({
    maxBufferSize: maxEventBytes,
    onId(id) {
      flushId()
      hadBlocks = true
      pendingId = id
    },
    onEvent(event) {
      if (event.id === undefined) flushId()
      else pendingId = undefined
      if (isStopped) return
      hadEvents = hadBlocks = true
      onEvent(event.event ?? 'message', event.data, event.id)
    },
    onRetry: afterId(onRetry),
    onComment: afterId(onComment),
    onError(error) {
      // Unknown fields and malformed retry values are ignored, as the standard wants.
      if (error.type === 'max-buffer-size-exceeded') tooLarge = !isStopped
    },
  })

  return {
    get hadEvents() {
      return hadEvents
    },
    get hadBlocks() {
      return hadBlocks
    },
    decode(chunk) {
      if (tooLarge) return
      parser.feed(utf8.decode(chunk, { stream: true }))
      flushId()
      if (tooLarge) onError(new EventSizeError(maxEventBytes))
    },
    stop() {
      isStopped = true
    },
  }
}
