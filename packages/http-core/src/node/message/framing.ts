import type { WireRequest } from './wire.ts'

/**
 * Whether the connection has to end with the response, since the bytes behind the request cannot be trusted:
 *
 * - HTTP/1.0 knows no transfer codings, so an intermediary may have framed the message in another way (RFC 9112
 *   section 6.1).
 * - Behind a request that asks for an upgrade Node's parser drops what came in the same packet, also where the upgrade is
 *   ignored.
 */
export function endsConnection({ httpVersionMajor, httpVersion, headers }: WireRequest): boolean {
  if (httpVersionMajor !== 1) return false
  return (
    headers.upgrade !== undefined || (httpVersion === '1.0' && headers['transfer-encoding'] !== undefined)
  )
}

/**
 * What is wrong with the transfer codings of a request, if something is (RFC 9112 section 6.1 and 6.3): 400 where chunked is
 * not the last one, and it is unknown where the content ends; 501 for codings before it, which are not decoded here.
 */
export function codingFault({ headers }: WireRequest): 400 | 501 | undefined {
  const field = headers['transfer-encoding']
  if (field === undefined || field === 'chunked') return undefined
  const codings = field.split(',').flatMap((item) => item.trim().toLowerCase() || [])
  if (codings.at(-1) !== 'chunked') return 400
  return codings.length === 1 ? undefined : 501
}
