import { topicField } from '../wire-contract/topic-field.ts'
import { EventSizeError } from '../errors/event-size-error.ts'

/** What the decoder finds, in the order of the wire. A callback that throws aborts the chunk. */
export interface DecodedBlocks {
  /** A block with data. `id` and `topic` are undefined if the block has none; `topic` is a field of our server's own. */
  readonly onEvent: (type: string, data: string, id: string | undefined, topic?: string) => void
  /** A block with an id and no data: no event, but the position moves. */
  readonly onIdOnly: (id: string) => void
  /** Whole milliseconds; a huge one is Infinity. */
  readonly onRetry: (reconnectionTimeMs: number) => void
  readonly onComment: (text: string) => void
  /** Terminal: nothing is decoded after it. */
  readonly onError: (error: EventSizeError) => void
}

const streaming = { stream: true }

export interface EventDecoder {
  readonly decode: (chunk: Uint8Array) => void
  /**
   * The body is complete, and maybe not its last event: the blank line after its data is missing.
   *
   * @param dispatches - Whether that is dispatched nevertheless. The standard drops it.
   * @returns Whether it was dropped.
   */
  readonly end: (dispatches: boolean) => boolean
  /** Nothing is called any more, not even for the rest of the chunk at hand. */
  readonly stop: () => void
  readonly hadEvents: boolean
}

/**
 * Decodes the bytes of one response into event stream blocks.
 *
 * One decoder per connection: an unfinished block is dropped with it, as the standard wants. A line is put together
 * once, however many chunks it comes in.
 *
 * It is not eventsource-parser, which it was: that reports the id of a block before it knows whether the block has data,
 * and takes 1.4 kB more of each page. What the two make of any bytes is compared in event-decoder.test.ts.
 *
 * @param maxEventBytes - Bounds the unfinished block that is held in memory, an endless line included. Counted as the
 *   text is held, in UTF-16 code units, which for ASCII are bytes and never are more than the bytes.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export function createEventDecoder(maxEventBytes: number, blocks: DecodedBlocks): EventDecoder {
  // "UTF-8 decode" strips one BOM. Node's TextDecoder strips two if the first comes in pieces.
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  // What is skipped if the next character is that: a BOM, or the second half of a CRLF whose first ended the last chunk.
  let skipped = '\uFEFF'
  // The line that the chunks so far have broken off in, in pieces: joined once, at its end.
  let pieces: string[] = []
  let heldLength = 0
  let isStopped = false
  // The buffers of the standard. Undefined: the block has no such field.
  let type = ''
  let data: string | undefined
  let id: string | undefined
  let topic: string | undefined

  /**
   * The value of the line, if it is a field of that name.
   *
   * By codes, and not by `startsWith`: what takes 10 ns here makes a tenth of an event's way.
   */
  function valueOf(name: string, text: string, start: number, end: number): string | undefined {
    const { length } = name
    for (let index = 0; index < length; index += 1)
      if (text.charCodeAt(start + index) !== name.charCodeAt(index)) return undefined
    const colon = start + length
    if (colon === end) return ''
    if (text.charCodeAt(colon) !== 0x3a) return undefined
    return text.slice(text.charCodeAt(colon + 1) === 0x20 ? colon + 2 : colon + 1, end)
  }

  function readLine(text: string, start: number, end: number): void {
    let value: string | undefined
    // The most frequent first.
    if (start === end) dispatch()
    else if ((value = valueOf('data', text, start, end)) !== undefined)
      data = data === undefined ? value : `${data}\n${value}`
    else if ((value = valueOf('id', text, start, end)) !== undefined) {
      if (!value.includes('\0')) id = value
    } else if ((value = valueOf('event', text, start, end)) !== undefined) type = value
    else if ((value = valueOf(topicField, text, start, end)) !== undefined) topic = value
    // A comment is a field without a name.
    else if ((value = valueOf('', text, start, end)) !== undefined) blocks.onComment(value)
    else if ((value = valueOf('retry', text, start, end)) && /^\d+$/.test(value))
      blocks.onRetry(Number(value))
  }

  function dispatch(): void {
    const event = data
    const eventType = type
    const eventId = id
    const eventTopic = topic
    type = ''
    data = id = topic = undefined
    if (event !== undefined) {
      decoder.hadEvents = true
      blocks.onEvent(eventType || 'message', event, eventId, eventTopic)
    } else if (eventId !== undefined) blocks.onIdOnly(eventId)
  }

  /** Keeps a line that is not complete; of one that can be no field, only that. */
  function hold(text: string): void {
    if (/^[:deirt]/.test(pieces[0] ?? text)) {
      pieces.push(text)
      heldLength += text.length
    } else pieces = ['?']
  }

  const decoder = {
    hadEvents: false,
    decode(chunk: Uint8Array) {
      if (isStopped) return
      let text = utf8.decode(chunk, streaming)
      if (skipped && text) {
        if (text[0] === skipped) text = text.slice(1)
        skipped = ''
      }
      const hasCr = text.includes('\r')
      let start = 0
      let lf = text.indexOf('\n')
      if (hasCr || (lf >= 0 && pieces.length > 0)) {
        if (text.endsWith('\r')) skipped = '\n'
        // Only here, at the end of a line: a long one that comes in many chunks is joined once.
        text = pieces.join('') + (hasCr ? text.replace(/\r\n?/g, '\n') : text)
        pieces = []
        heldLength = 0
        lf = text.indexOf('\n')
      }
      while (lf >= 0) {
        readLine(text, start, lf)
        if (isStopped) return
        start = lf + 1
        // Mostly the blank line is next, and found without a search.
        if (text.charCodeAt(start) === 0x0a) {
          dispatch()
          if (isStopped) return
          start += 1
        }
        lf = text.indexOf('\n', start)
      }
      if (start < text.length) hold(text.slice(start))
      if (heldLength + (data?.length ?? 0) <= maxEventBytes) return
      isStopped = true
      blocks.onError(new EventSizeError(maxEventBytes))
    },
    end(dispatches: boolean) {
      const rest = pieces.join('') + utf8.decode()
      if (isStopped) return false
      if (!dispatches) return data !== undefined || rest.startsWith('data')
      readLine(rest, 0, rest.length)
      if (!isStopped) dispatch()
      return false
    },
    stop() {
      isStopped = true
    },
  }
  return decoder
}
