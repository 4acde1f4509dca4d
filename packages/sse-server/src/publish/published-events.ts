import type { BatchEvent, HubEvent } from '../hub/publish-options.ts'
import { Refusal } from './problem.ts'
import { emptyContent } from './request-content.ts'

/** What a request publishes. */
export interface PublishedContent {
  readonly events: readonly BatchEvent<HubEvent>[]
  /** Whether they were given as several, if only one. */
  readonly isBatch: boolean
}

/** The media types that events may come in. */
export const publishedTypes = ['application/json', 'text/event-stream'] as const

/**
 * The media type of a request's content, if it is one that events come in.
 *
 * @throws {@link Refusal} with what would have been accepted: RFC 9110 section 15.5.16.
 */
export function publishedTypeOf(headers: Headers): (typeof publishedTypes)[number] {
  const [type = '', ...parameters] = (headers.get('content-type') ?? '')
    .split(';')
    .map((part) => part.trim().toLowerCase())
  const mediaType = publishedTypes.find((each) => each === type)
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))?.slice(8)
  const isUtf8 = charset === undefined || ['utf-8', 'utf8', '"utf-8"', '"utf8"'].includes(charset)
  if (mediaType === undefined || !isUtf8) {
    throw new Refusal({
      status: 415,
      code: 'unsupported-media-type',
      detail: `Events are published as ${publishedTypes.join(' or ')}, in UTF-8.`,
      headers: { accept: publishedTypes.join(', '), 'accept-post': publishedTypes.join(', ') },
    })
  }
  const coding = headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity'
  if (coding !== 'identity') {
    throw new Refusal({
      status: 415,
      code: 'unsupported-content-coding',
      detail: 'The content must not be compressed.',
      headers: { 'accept-encoding': 'identity' },
    })
  }
  return mediaType
}

/** @throws {@link Refusal} */
export function parsePublished(type: (typeof publishedTypes)[number], text: string): PublishedContent {
  if (text === '') throw emptyContent()
  if (type === 'text/event-stream') return { events: parseEventStream(text), isBatch: true }
  const json = parseJson(text)
  if (!Array.isArray(json)) return { events: [checkEvent(json)], isBatch: false }
  if (json.length === 0) throw malformed('an array of at least one event')
  return { events: json.map(checkEvent), isBatch: true }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw malformed('JSON')
  }
}

const eventKeys: ReadonlySet<string> = new Set(['data', 'event', 'key'])

/** What is misspelt is refused: an event without the type that was meant would reach the wrong listeners. */
function checkEvent(json: unknown): BatchEvent<HubEvent> {
  const isEvent =
    typeof json === 'object' &&
    json !== null &&
    Object.hasOwn(json, 'data') &&
    Object.keys(json).every((key) => eventKeys.has(key))
  if (!isEvent) throw malformed('an object with data, and perhaps event and key')
  const { data, event, key } = json as { data: unknown; event?: unknown; key?: unknown }
  if (event !== undefined && typeof event !== 'string') throw malformed('a string as event')
  if (key !== undefined && typeof key !== 'string') throw malformed('a string as key')
  return { data, event, key }
}

function malformed(expected: string): Refusal {
  return new Refusal({
    status: 400,
    code: 'invalid-events',
    detail: `Expected ${expected}. An event is {"data": ..., "event": "type"}, and several are an array of them.`,
  })
}

/**
 * The events of a whole event stream. Their ids and reconnection times are left out: ids are the hub's to give.
 *
 * An event that is not finished by a blank line is an error here. [spec] A user agent discards it, but a publisher would lose it.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
function parseEventStream(text: string): readonly HubEvent[] {
  const events: HubEvent[] = []
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/)
  // What follows the last end of line: nothing, or a line that is not finished.
  const rest = lines.pop()
  let data: string[] = []
  let type = ''
  let isPending = false
  for (const line of lines) {
    if (line === '') {
      if (data.length > 0) events.push({ data: data.join('\n'), ...(type !== '' && { event: type }) })
      data = []
      type = ''
      isPending = false
      continue
    }
    const colon = line.indexOf(':')
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'data') data.push(value)
    if (field === 'event') type = value
    isPending ||= data.length > 0 || type !== ''
  }
  if (isPending || (rest !== '' && rest !== undefined && !rest.startsWith(':'))) {
    throw new Refusal({
      status: 400,
      code: 'unfinished-event',
      detail: 'The last event is not finished: a blank line ends each event.',
    })
  }
  if (events.length === 0) {
    throw new Refusal({ status: 400, code: 'no-events', detail: 'The event stream has no event with data.' })
  }
  return events
}
