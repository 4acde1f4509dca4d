/**
 * A host name or an address, with an optional port and without user information. RFC 3986 section 3.2.2 also allows `%` and
 * `!$&'()*+,;=` in a name. They are refused here, because no name that resolves has them, the URL parser would decode `%`,
 * and a comma is the result of joining two Host fields.
 */
const authority = /^([\w\-.~]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?$/
/** Targets that the URL parser would leave unchanged: no dot segments, and nothing to encode. */
const plainTarget = /^(?:\/(?!\.|%2e)[\w\-.~!$&'()*+,;=:@%]*)+(?:\?[\w\-.~!$&()*+,;=:@%/?]*)?$/i
/** Characters that a target cannot have: controls, space, DEL, non-ASCII bytes, and `#`, since clients send no fragment. */
// oxlint-disable-next-line no-control-regex -- naming the control characters is the point
const impossible = /[\u0000-\u0020\u007f-\uffff#]/
/** `.` and `..` as whole segments, which the URL parser resolves. */
const dotSegment = /\/\.{1,2}(?:\/|$)/
/** A dot segment with a dot written as `%2e`, which the URL parser also resolves. */
const encodedDotSegment = /\/(?:%2e|\.%2e|%2e\.|%2e%2e)(?:\/|$)/i
/** A server has few hosts, but a client can send any host, so the number of remembered hosts is limited. */
const maxRememberedHosts = 64

/** Why a target is not served. */
export interface TargetFault {
  readonly reason: string
  /** The target that the client should request instead. */
  readonly location?: string
}

/**
 * Turns targets and Host fields into URLs, and remembers the hosts that it has parsed.
 *
 * A proxy may have judged the request by the bytes of its target, so the URL must mean the same as those bytes. If the URL
 * parser would turn them into another path or another host, the server does not serve the request.
 *
 *     /a\quick            the parser reads a slash               400
 *     /a/%2e%2e/quick     the parser resolves it: /quick         400: no client writes this
 *     /a/../quick         the parser resolves it: /quick         308 to /quick, which the proxy gets to judge
 *     /{a}                the parser encodes it: /%7Ba%7D        served, the segment is the same
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-3.2 "A recipient SHOULD NOT attempt to autocorrect and then process
 *   the request without a redirect"
 */
export class TargetReader {
  readonly #origins = new Map<string, string | undefined>()
  // Most requests have the same host as the previous request.
  #lastScheme: string | undefined
  #lastHost: string | undefined
  #lastOrigin: string | undefined

  /** The origin of a scheme and a Host field, serialized by the URL standard; undefined if the field is not a host. */
  origin(scheme: 'http' | 'https', host: string): string | undefined {
    if (host === this.#lastHost && scheme === this.#lastScheme) return this.#lastOrigin
    this.#lastOrigin = this.#remembered(scheme, host)
    this.#lastScheme = scheme
    this.#lastHost = host
    return this.#lastOrigin
  }

  #remembered(scheme: 'http' | 'https', host: string): string | undefined {
    const key = `${scheme}://${host}`
    const known = this.#origins.get(key)
    if (known !== undefined || this.#origins.has(key)) return known
    const origin = readOrigin(key, host)
    if (this.#origins.size >= maxRememberedHosts) this.#origins.clear()
    this.#origins.set(key, origin)
    return origin
  }

  /**
   * The URL of a target in origin-form (`/path?query`) or absolute-form (`http://host/path`). In absolute-form, the host of
   * the target replaces that of the Host field.
   */
  url(target: string, origin: string): string | TargetFault {
    if (plainTarget.test(target)) return origin + target
    if (impossible.test(target)) return { reason: 'a character in the target that a URL cannot have' }
    if (target.startsWith('/')) return originForm(target, origin)
    const absolute = /^(https?):\/\/([^/?]*)(.*)$/i.exec(target)
    const [, scheme = '', host = '', rest = ''] = absolute ?? []
    const named = this.origin(scheme.toLowerCase() === 'https' ? 'https' : 'http', host)
    if (absolute === null || named === undefined) {
      return { reason: 'the target is not in origin-form or absolute-form' }
    }
    return this.url(rest.startsWith('/') ? rest : `/${rest}`, named)
  }
}

function readOrigin(url: string, host: string): string | undefined {
  const name = authority.exec(host)?.[1]
  if (name === undefined || !URL.canParse(url)) return undefined
  const { origin, hostname } = new URL(url)
  // A proxy reads `127.1` and `0x7f000001` as names, but the URL parser reads them as the address 127.0.0.1.
  return name.startsWith('[') || hostname === name.toLowerCase() ? origin : undefined
}

function originForm(target: string, origin: string): string | TargetFault {
  const queryStart = target.indexOf('?')
  const path = queryStart === -1 ? target : target.slice(0, queryStart)
  if (path.includes('\\')) return { reason: 'a backslash in the path' }
  if (encodedDotSegment.test(path)) return { reason: 'an encoded dot segment in the path' }
  const { href, pathname, search } = new URL(origin + target)
  if (!dotSegment.test(path)) return href
  const reason = 'a dot segment in the path'
  // A Location of `//host/path` would lead to another host.
  return pathname.startsWith('//') ? { reason } : { reason, location: pathname + search }
}
