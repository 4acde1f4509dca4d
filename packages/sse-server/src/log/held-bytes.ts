import type { LoggedEvent } from './event-log.ts'

// What an event costs besides its data.
const bytesOfEvent = 64

// oxlint-disable-next-line no-control-regex -- all of ASCII is meant
const ascii = /^[\x00-\x7f]*$/

/** What an event counts for, where what finite topics hold is limited: its data in UTF-8, and 64 bytes. */
export function heldBytesOf({ data }: LoggedEvent): number {
  return bytesOfEvent + utf8LengthOf(data)
}

/** How many bytes a text has in UTF-8. */
export function utf8LengthOf(text: string): number {
  return ascii.test(text) ? text.length : new TextEncoder().encode(text).byteLength
}
