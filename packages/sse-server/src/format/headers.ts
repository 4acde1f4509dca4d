/**
 * Header fields in any form that the constructor of Headers takes, or as Node and its frameworks give them: a record with numbers,
 * lists, and properties without a value, such as `reply.getHeaders()` of Fastify.
 */
export type HeaderFields =
  | ConstructorParameters<typeof Headers>[0]
  | Readonly<Record<string, string | number | readonly string[] | undefined>>

/**
 * The header fields of an event stream's response.
 *
 * `incremental` asks intermediaries to pass on what has come, and not to wait for the whole (RFC 10036).
 * `no-transform` asks intermediaries not to recode, and so not to buffer; `x-accel-buffering` is nginx's word for it.
 * `connection` and `transfer-encoding` are absent: they belong to the server, and HTTP/2 forbids them.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.6
 */
export const EVENT_STREAM_HEADERS: Readonly<
  Record<'content-type' | 'cache-control' | 'incremental' | 'x-accel-buffering', string>
> = Object.freeze({
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  incremental: '?1',
  'x-accel-buffering': 'no',
})
