import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { request as requestHttp } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { isIP } from 'node:net'
import { TLSSocket } from 'node:tls'
import type { InspectOrder } from '../../inspect/observation.ts'
import { InspectionError } from './errors/inspection-error.ts'

/** Where an inspection may go. */
export interface Reach {
  /** Whether it may connect to an address that a name has resolved to. */
  readonly allows: (address: string) => boolean
  /** The text if no address of a host is allowed. */
  readonly refusal: (host: string) => string
}

/** What is asked for. */
export type ExchangedRequest = Pick<InspectOrder, 'url' | 'fields' | 'body'> & { readonly method: string }

export interface ExchangedResponse {
  readonly message: IncomingMessage
  readonly url: string
  readonly redirects: readonly string[]
  readonly certificateProblem: string | undefined
}

const maxRedirects = 5
const redirectStatuses = new Set([301, 302, 303, 307, 308])
const secretFields = new Set(['authorization', 'cookie', 'proxy-authorization'])

/**
 * Sends the request, and follows redirects.
 *
 * Each name is resolved here, once, its addresses are checked, and the connection goes to one of these: a name that
 * resolves to something else a moment later (DNS rebinding) leads nowhere. The same holds for each redirect.
 *
 * @throws {@link InspectionError} `code: 'not-allowed'`, `'bad-redirect'`, `'too-many-redirects'`
 * @throws what `node:http` and `node:dns` throw.
 */
export async function exchange(
  order: ExchangedRequest,
  reach: Reach,
  signal: AbortSignal,
): Promise<ExchangedResponse> {
  const redirects: string[] = []
  let { url, method, body, fields } = order
  for (;;) {
    const target = new URL(url)
    const addresses = await addressesOf(target, reach)
    const { message, certificateProblem } = await send({ target, addresses, method, body, fields, signal })
    const location = message.headers.location
    if (!redirectStatuses.has(message.statusCode ?? 0) || location === undefined)
      return { message, url, redirects, certificateProblem }
    message.destroy()
    if (redirects.length === maxRedirects)
      throw new InspectionError(
        'too-many-redirects',
        `more than ${maxRedirects} redirects, the last one from ${url.slice(0, 120)}`,
      )
    const next = URL.parse(location, url)
    if (next === null || !/^https?:$/.test(next.protocol))
      throw new InspectionError(
        'bad-redirect',
        `redirected to ${JSON.stringify(location.slice(0, 120))}, which is not an http URL`,
      )
    if (next.origin !== target.origin)
      fields = fields.filter(([name]) => !secretFields.has(name.toLowerCase()))
    // As browsers do it: only 307 and 308 keep a POST.
    if (message.statusCode !== 307 && message.statusCode !== 308) {
      method = 'GET'
      body = ''
    }
    redirects.push(url)
    url = next.href
  }
}

async function addressesOf(target: URL, reach: Reach): Promise<LookupAddress[]> {
  const host = nameOf(target)
  const family = isIP(host)
  const addresses = family === 0 ? await lookup(host, { all: true }) : [{ address: host, family }]
  const allowed = addresses.filter(({ address }) => reach.allows(address))
  if (allowed.length === 0) throw new InspectionError('not-allowed', reach.refusal(host.slice(0, 120)))
  return allowed
}

/** Without the brackets of an IPv6 address. */
function nameOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '')
}

async function send(options: {
  target: URL
  addresses: readonly LookupAddress[]
  method: string
  body: string
  fields: InspectOrder['fields']
  signal: AbortSignal
}): Promise<{ message: IncomingMessage; certificateProblem: string | undefined }> {
  const { target, addresses, method, body, fields, signal } = options
  const isTls = target.protocol === 'https:'
  const name = nameOf(target)
  const headers: Record<string, string | string[]> = {
    host: target.host,
    // As a browser asks, so that one sees what a browser would be sent.
    accept: 'text/event-stream',
    'accept-encoding': 'gzip, deflate, br',
    'cache-control': 'no-cache',
  }
  for (const [field, value] of fields) headers[field.toLowerCase()] = value
  if (body !== '') headers['content-length'] = String(Buffer.byteLength(body))
  const request = (isTls ? requestHttps : requestHttp)({
    host: name,
    // All of them: a server on one of localhost's two addresses is found whichever is first.
    lookup: (_hostname, _options, found) => found(null, [...addresses]),
    port: target.port === '' ? (isTls ? 443 : 80) : target.port,
    path: `${target.pathname}${target.search}`,
    method,
    headers,
    signal,
    agent: false,
    // A bad certificate is a finding, not the end of the inspection.
    ...(isTls && { rejectUnauthorized: false, ...(isIP(name) === 0 && { servername: name }) }),
  })
  // An error after the head reaches the reader of the content; without a listener here, it would end the process.
  request.on('error', () => {})
  request.end(body)
  const [message] = (await once(request, 'response')) as [IncomingMessage]
  const { socket } = message
  const problem = socket instanceof TLSSocket && !socket.authorized ? socket.authorizationError : undefined
  return { message, certificateProblem: problem === undefined ? undefined : String(problem) }
}
