/**
 * The events that all contenders are given: a number that the receiver checks, and as much text as makes the plainest
 * block with an id 66 bytes long.
 *
 *     id: 0000000042
 *     data: 0000000042 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
 */
export interface OutgoingEvent {
  readonly id: string
  readonly data: string
}

const digits = 10
const usualPadding = 'x'.repeat(32)

/** @param padding - other text than what makes a block of 66 bytes. */
export function outgoingEvent(seq: number, padding: string = usualPadding): OutgoingEvent {
  const id = String(seq).padStart(digits, '0')
  return { id, data: `${id} ${padding}` }
}

/** The block as a template would write it: right for these events, unsafe for those of others. */
export function plainBlock({ id, data }: OutgoingEvent): string {
  return `id: ${id}\ndata: ${data}\n\n`
}

/** Bytes as one chunk of the chunked transfer coding (RFC 9112 section 7.1). */
export function chunkOf(text: string): Buffer {
  const size = Buffer.byteLength(text)
  return Buffer.from(`${size.toString(16)}\r\n${text}\r\n`)
}

/** The head of an event stream for servers that write it by hand. */
export const eventStreamHead: Buffer = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n',
)
