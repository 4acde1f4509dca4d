import { parseEventId } from './event-id.ts'
import type { Position } from './event-id.ts'
import { OptionError } from '../errors/option-error.ts'

/**
 * Which event to go on after: `given`, which an option says, else what the request asks for.
 *
 * @returns undefined if neither asks for anything. An empty string asks for nothing, wherever it comes from.
 * @throws {@link OptionError}
 */
export function requestedEventId(
  given: string | undefined,
  header: string | null | undefined,
  target: string,
): string | undefined {
  const requested = given ?? parseLastEventId(header, target)
  if (requested !== undefined && typeof requested !== 'string')
    throw new OptionError('lastEventId', requested, 'a string')
  return requested === '' ? undefined : requested
}

/**
 * Which event the client asks to go on after: the `Last-Event-ID` field, else the query parameter `lastEventId`, which
 * closes the gap between a page's rendering and its subscription.
 *
 * @param header - the field's value as HTTP APIs give it: one code unit for each byte.
 * @param target - the request's URL or request target.
 * @returns undefined if the client asks for nothing.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#last-event-id
 */
function parseLastEventId(header: string | null | undefined, target: string): string | undefined {
  if (header !== null && header !== undefined && header !== '') return decodeUtf8(header)
  const query = target.indexOf('?')
  if (query === -1) return undefined
  const parameter = new URLSearchParams(target.slice(query).replace(/#.*$/s, '')).get('lastEventId')
  return parameter === null || parameter === '' ? undefined : parameter
}

// [spec] `Last-Event-ID` carries "the event source's last event ID string, encoded as UTF-8".
function decodeUtf8(byteString: string): string {
  // oxlint-disable-next-line no-control-regex -- all of ASCII is meant
  if (/^[\x00-\x7f]*$/.test(byteString)) return byteString
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(
    Uint8Array.from(byteString, (character) => character.charCodeAt(0)),
  )
}

/** What a subscriber asks for: what comes from now on, all that is held, or what follows an id. */
export type RequestedStart =
  | { readonly from: 'now' }
  | { readonly from: 'beginning' }
  | {
      readonly from: 'id'
      readonly id: string
      /** Undefined for an id that is not a position of any log. */
      readonly position: Position | undefined
    }

export function parseRequestedStart(requested: string | undefined): RequestedStart {
  if (requested === undefined) return { from: 'now' }
  if (requested === 'earliest') return { from: 'beginning' }
  return { from: 'id', id: requested, position: parseEventId(requested) }
}
