/**
 * A name or an address, and a port; no user information. RFC 3986 section 3.2.2 would also let `!$&'()*+,;=` stand in a
 * name: no name that resolves has them, and a comma is how two Host fields look when somebody joined them.
 */
const AUTHORITY = /^(?:[\w\-.~%]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?$/
/** Targets that the URL parser would leave exactly as they are: no dot segments, nothing to encode. */
const PLAIN_TARGET = /^(?:\/(?!\.|%2e)[\w\-.~!$&'()*+,;=:@%]*)+(?:\?[\w\-.~!$&()*+,;=:@%/?]*)?$/i
/** Neither in a URL nor, as raw bytes, in any text: controls, space, DEL, and what is not ASCII; `#` never leaves a client. */
// oxlint-disable-next-line no-control-regex -- naming the control characters is the point
const IMPOSSIBLE = /[\u0000-\u0020\u007f-\uffff#]/

/** Hosts are few per server, but anyone can send another one: the memory of them is bounded. */
const MAX_REMEMBERED_HOSTS = 64

/**
 * Turns targets and Host fields into URLs, remembering the hosts it has parsed.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-3.2
 */
export class TargetReader {
  readonly #origins = new Map<string, string | undefined>()

  /** The origin of a scheme and a Host field in the form of the URL standard; undefined if the field is not a host. */
  origin(scheme: 'http' | 'https', host: string): string | undefined {
    const key = `${scheme}://${host}`
    const known = this.#origins.get(key)
    if (known !== undefined || this.#origins.has(key)) return known
    const origin = AUTHORITY.test(host) && URL.canParse(key) ? new URL(key).origin : undefined
    if (this.#origins.size >= MAX_REMEMBERED_HOSTS) this.#origins.clear()
    this.#origins.set(key, origin)
    return origin
  }

  /**
   * The URL of a target in origin-form (`/path?query`) or absolute-form (`http://host/path`, whose host counts in place
   * of the Host field); undefined if it is neither.
   */
  url(target: string, origin: string): string | undefined {
    if (PLAIN_TARGET.test(target)) return origin + target
    if (IMPOSSIBLE.test(target)) return undefined
    if (target.startsWith('/')) {
      const url = origin + target
      return URL.canParse(url) ? new URL(url).href : undefined
    }
    const absolute = /^(https?):\/\/([^/?]*)(.*)$/i.exec(target)
    if (absolute === null) return undefined
    const [, scheme = '', host = '', rest = ''] = absolute
    const named = this.origin(scheme.toLowerCase() === 'https' ? 'https' : 'http', host)
    if (named === undefined) return undefined
    return this.url(rest.startsWith('/') ? rest : `/${rest}`, named)
  }
}
