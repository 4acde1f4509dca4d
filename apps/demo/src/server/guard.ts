import { isIP } from 'node:net'

const LOOPBACK_NAMES = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Whether the address is this machine's own: 127.0.0.0/8, ::1, and the former as mapped into IPv6. */
export function isLoopbackAddress(address: string | undefined): boolean {
  if (address === undefined) return false
  const plain = address.toLowerCase().replace(/^::ffff:/, '')
  return plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'))
}

/**
 * Whether the Host field names this machine as only its own users do. A page of another site whose name was made to
 * resolve to 127.0.0.1 (DNS rebinding) passes every same-origin check of the browser, but it carries its own name here.
 */
export function hostIsLoopback(host: string | null): boolean {
  return LOOPBACK_NAMES.has((host ?? '').toLowerCase().replace(/:\d+$/, ''))
}

/**
 * Whether a browser sent this for one of our pages, or because its user typed the address. Not a browser (curl): no such
 * field, and nothing to fear from it.
 */
export function isSameOrigin(request: Request): boolean {
  const site = request.headers.get('sec-fetch-site')
  if (site !== null) return site === 'same-origin' || site === 'none'
  const origin = request.headers.get('origin')
  return origin === null || origin === new URL(request.url).origin
}
