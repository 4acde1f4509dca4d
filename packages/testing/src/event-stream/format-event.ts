import { OptionError } from '../errors/option-error.ts'

/** An event as a server sends it; the members are the fields of the event stream format. */
export interface SentEvent {
  /** Text is sent as it is, anything else as JSON. Absent: the block dispatches no event. */
  readonly data?: unknown
  /** The event type. @defaultValue `message` */
  readonly event?: string
  readonly id?: string
  /** The reconnection time, in milliseconds: an integer from 0. */
  readonly retry?: number
  readonly comment?: string
}

/**
 * Formats one block of an event stream.
 *
 * @throws {@link OptionError} `code: 'invalid-option'` for a field that would not arrive as it is: a line break in
 *   `event` or `id`, NUL in `id`, a `retry` that is not an integer from 0, data without a JSON form.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
export function formatEvent({ data, event, id, retry, comment }: SentEvent): string {
  let block = comment === undefined ? '' : linesOf('', comment)
  if (event !== undefined) block += lineOf('event', event, /[\r\n]/)
  // A NUL makes the user agent ignore the id.
  if (id !== undefined) block += lineOf('id', id, /[\r\n\0]/)
  if (retry !== undefined) {
    if (!(Number.isSafeInteger(retry) && retry >= 0))
      throw new OptionError('retry', retry, 'milliseconds: an integer from 0')
    block += `retry: ${retry}\n`
  }
  if (data !== undefined) block += linesOf('data', textOf(data))
  return `${block}\n`
}

function textOf(data: unknown): string {
  if (typeof data === 'string') return data
  try {
    const text: string | undefined = JSON.stringify(data)
    if (text !== undefined) return text
  } catch (cause) {
    throw new OptionError('data', data, 'text, or a value that JSON can express', { cause })
  }
  throw new OptionError('data', data, 'text, or a value that JSON can express')
}

function lineOf(field: 'event' | 'id', value: string, forbidden: RegExp): string {
  if (typeof value !== 'string' || forbidden.test(value))
    throw new OptionError(field, value, 'one line of text')
  return `${field}: ${value}\n`
}

/** CR, LF and CRLF each begin a new line of the same field. */
function linesOf(field: string, text: string): string {
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => `${field}: ${line}\n`)
    .join('')
}
