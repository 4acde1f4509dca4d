import type { WireRequest } from './wire.ts'

/**
 * Reads the `Expect` field (RFC 9110 section 10.1.1). `'continue'`: the list has only `100-continue`, once or several
 * times, and the client waits before it sends its content. `'unknown'`: the list has anything else; answer 417. HTTP/1.0
 * has no expectations.
 */
export function expectationOf({ headers, httpVersion }: WireRequest): 'none' | 'continue' | 'unknown' {
  const { expect } = headers
  if (expect === undefined || httpVersion === '1.0') return 'none'
  const members = expect.split(',').flatMap((item) => item.trim().toLowerCase() || [])
  if (members.length === 0) return 'none'
  return members.every((member) => member === '100-continue') ? 'continue' : 'unknown'
}
