import type { WireRequest } from './wire.ts'

/**
 * Whether the connection must close after the response, because the bytes after the request cannot be trusted:
 *
 * - HTTP/1.0 has no transfer codings, so an intermediary may have framed the message differently (RFC 9112 section 6.1).
 * - After a request with an `Upgrade` field, Node's parser drops the rest of the packet, even if the server ignores the
 *   upgrade.
 */
export function endsConnection({ httpVersionMajor, httpVersion, headers }: WireRequest): boolean {
  if (httpVersionMajor !== 1) return false
  return (
    headers.upgrade !== undefined || (httpVersion === '1.0' && headers['transfer-encoding'] !== undefined)
  )
}

/**
 * The status for a request with unusable transfer codings (RFC 9112 sections 6.1 and 6.3): 400 if the last coding is not
 * chunked, because the end of the content is then unknown; 501 if other codings precede chunked, because this server does
 * not decode them. Undefined if the transfer codings are fine.
 */
export function codingFault({ headers }: WireRequest): 400 | 501 | undefined {
  const field = headers['transfer-encoding']
  if (field === undefined || field === 'chunked') return undefined
  const codings = field.split(',').flatMap((item) => item.trim().toLowerCase() || [])
  if (codings.at(-1) !== 'chunked') return 400
  return codings.length === 1 ? undefined : 501
}
