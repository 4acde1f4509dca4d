import type { WireRequest } from './wire.ts'

/**
 * What the client waits for before it sends its content (RFC 9110 section 10.1.1): a list with `100-continue` alone, however
 * often; anything else is answered with 417. In HTTP/1.0 there are no expectations.
 */
export function expectationOf({ headers, httpVersion }: WireRequest): 'none' | 'continue' | 'unknown' {
  const { expect } = headers
  if (expect === undefined || httpVersion === '1.0') return 'none'
  const members = expect.split(',').flatMap((item) => item.trim().toLowerCase() || [])
  if (members.length === 0) return 'none'
  return members.every((member) => member === '100-continue') ? 'continue' : 'unknown'
}
