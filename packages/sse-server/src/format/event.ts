import { isThenable } from '../callbacks.ts'
import { EventFieldError } from '../errors/event-field-error.ts'

/**
 * One block of an event stream.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export interface ServerSentEvent {
  /**
   * A string is sent as it is; anything else as JSON. `''` is data, and dispatched. Without the property the block
   * carries none: the event source takes its `id` and `retry`, and dispatches nothing.
   */
  readonly data?: unknown
  /** The event type. Absent: `message`. */
  readonly event?: string
  /** Becomes the client's last event ID string. `''` resets it. */
  readonly id?: string
  /** The reconnection time, in milliseconds: a non-negative integer. */
  readonly retry?: number
  /** Goes before the fields; event sources ignore it. */
  readonly comment?: string
}

// https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream: end-of-line
const endOfLine = /\r\n|\r|\n/g

/**
 * Formats one event in the event stream format: comment, `event`, `id`, `retry` and `data`, in this order, then a blank
 * line.
 *
 * Each CRLF, CR or LF in `data` and `comment` starts a new line of the same field; the user agent joins those of
 * `data` with LF. Lone surrogates become U+FFFD, since UTF-8 has no form for them. No value can forge a field.
 *
 * @throws {@link EventFieldError} for a value that the format cannot carry; its `code` says which.
 * @example
 * ```ts
 * import { formatEvent } from '@sse-toolkit/sse-server'
 *
 * formatEvent({ id: '7', data: 'a\nb' }) // 'id: 7\ndata: a\ndata: b\n\n'
 * formatEvent({ event: 'paid', data: { total: 12 } }) // 'event: paid\ndata: {"total":12}\n\n'
 * ```
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
export function formatEvent(event: ServerSentEvent): string {
  checkEvent(event)
  let block = ''
  if (event.comment !== undefined) block += formatCommentLines(event.comment)
  // In this order, which some readers other than event sources rely on (such as Datastar's).
  if (event.event !== undefined) block += formatEventType(event.event)
  if (event.id !== undefined) block += formatId(event.id)
  if (event.retry !== undefined) block += formatRetry(event.retry)
  // Not `event.data !== undefined`: a value that turned out undefined is a mistake, a block without data is not.
  if ('data' in event) {
    block += formatData(serializeData(event.data))
  } else if (event.event !== undefined || block === '') {
    throw new EventFieldError(
      'missing-data',
      'data',
      event,
      `An event without data is never dispatched (data: '' would be)`,
    )
  }
  return `${block}\n`.toWellFormed()
}

/**
 * Formats a comment: what an event source reads past.
 *
 * The empty one is the canonical keepalive.
 *
 * @throws {@link EventFieldError} `code: 'invalid-comment'` if it is not a string.
 * @example
 * ```ts
 * import { formatComment } from '@sse-toolkit/sse-server'
 *
 * formatComment() // ':\n\n'
 * formatComment('still here') // ': still here\n\n'
 * ```
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#authoring-notes
 */
export function formatComment(text = ''): string {
  return `${formatCommentLines(text)}\n`.toWellFormed()
}

/**
 * Data as the string that goes on the wire.
 *
 * @throws {@link EventFieldError} `code: 'invalid-data'` for what JSON has no form for.
 */
export function serializeData(data: unknown): string {
  if (typeof data === 'string') return data
  // JSON would make `{}` of it, and a forgotten `await` would lose the data without a sign.
  if (isThenable(data))
    throw new EventFieldError('invalid-data', 'data', data, 'A promise is not data; await it first')
  let json: string | undefined
  try {
    json = JSON.stringify(data)
  } catch (cause) {
    throw new EventFieldError('invalid-data', 'data', data, 'JSON cannot express the data', { cause })
  }
  // What JSON leaves out: undefined, functions, symbols, and a toJSON that gives one of them.
  if (json === undefined)
    throw new EventFieldError('invalid-data', 'data', data, 'JSON cannot express the data')
  return json
}

function formatData(data: string): string {
  return `data: ${hasLineBreak(data) ? data.replace(endOfLine, '\ndata: ') : data}\n`
}

function formatCommentLines(text: string): string {
  if (typeof text !== 'string')
    throw new EventFieldError('invalid-comment', 'comment', text, 'A comment must be a string')
  if (text === '') return ':\n'
  return `: ${hasLineBreak(text) ? text.replace(endOfLine, '\n: ') : text}\n`
}

function formatRetry(retry: number): string {
  // A string of digits is refused too: what is not checked as a number may hold a line break.
  if (!Number.isSafeInteger(retry) || retry < 0) {
    throw new EventFieldError(
      'invalid-retry',
      'retry',
      retry,
      'retry must be a non-negative integer of milliseconds',
    )
  }
  return `retry: ${retry}\n`
}

/** @throws {@link EventFieldError} `code: 'invalid-event'` */
export function checkEvent(event: unknown): void {
  if (typeof event === 'object' && event !== null) return
  throw new EventFieldError(
    'invalid-event',
    'event',
    event,
    "An event must be an object, such as { data: 'hello' }",
  )
}

/** @throws {@link EventFieldError} `code: 'invalid-event'` */
export function checkEventType(type: string): void {
  if (typeof type !== 'string' || hasLineBreak(type)) {
    throw new EventFieldError(
      'invalid-event',
      'event',
      type,
      'An event type must be a string without CR or LF',
    )
  }
}

function formatEventType(type: string): string {
  checkEventType(type)
  return `event: ${type}\n`
}

function formatId(id: string): string {
  // [spec] "If the field value does not contain U+0000 NULL, then set the last event ID buffer to the field value."
  if (typeof id !== 'string' || hasLineBreak(id) || id.includes('\0')) {
    throw new EventFieldError('invalid-id', 'id', id, 'An id must be a string without CR, LF or NUL')
  }
  return `id: ${id}\n`
}

function hasLineBreak(text: string): boolean {
  return text.includes('\n') || text.includes('\r')
}
