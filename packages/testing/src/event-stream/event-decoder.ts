/** An event as a client dispatches it. */
export interface ReceivedEvent {
  /** `message` if the server names no type. */
  readonly type: string
  readonly data: string
  /** The last event ID as of this event: what a client resumes after. Empty if there never was an id. */
  readonly lastEventId: string
}

export interface EventDecoder {
  /** The last event ID string, which outlives a connection. */
  readonly lastEventId: string
  /** Reads the next piece of the text, in any size. What it completes is passed on at once. */
  decode(text: string): void
}

/** Receives what the text says, in its order. */
export interface DecoderObserver {
  onEvent(event: ReceivedEvent): void
  /** Without the colon and one space. */
  onComment?(text: string): void
  onRetry?(reconnectionTimeMs: number): void
}

/**
 * Interprets the text of one event stream, as the standard says: a block that the end cuts off is not dispatched.
 *
 * @param lastEventId - That of the event source before this connection.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export function createEventDecoder(observer: DecoderObserver, lastEventId = ''): EventDecoder {
  let unfinishedLine = ''
  let isFirst = true
  /** The last piece ended with a CR, which an LF at the start of the next one belongs to. */
  let endedWithCr = false
  let type = ''
  let data: string[] = []
  let idBuffer = lastEventId

  const decoder = {
    lastEventId,
    decode(text: string) {
      if (text === '') return
      let rest = text
      // "Strip one leading U+FEFF BYTE ORDER MARK character, if any."
      if (isFirst && rest.startsWith('\uFEFF')) rest = rest.slice(1)
      else if (endedWithCr && rest.startsWith('\n')) rest = rest.slice(1)
      isFirst = false
      endedWithCr = text.endsWith('\r')
      const lines = (unfinishedLine + rest).split(/\r\n|\r|\n/)
      unfinishedLine = lines.pop() ?? ''
      for (const line of lines) readLine(line)
    },
  }

  function readLine(line: string): void {
    if (line === '') {
      dispatch()
      return
    }
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (colon === 0) observer.onComment?.(value)
    else if (field === 'data') data.push(value)
    else if (field === 'event') type = value
    else if (field === 'id' && !value.includes('\0')) idBuffer = value
    else if (field === 'retry' && /^\d+$/.test(value)) observer.onRetry?.(Number(value))
  }

  function dispatch(): void {
    const event = { type: type === '' ? 'message' : type, data: data.join('\n'), lastEventId: idBuffer }
    const hasData = data.length > 0
    type = ''
    data = []
    // "Set the last event ID string": also where the block has no data and dispatches nothing.
    decoder.lastEventId = idBuffer
    if (hasData) observer.onEvent(event)
  }

  return decoder
}
