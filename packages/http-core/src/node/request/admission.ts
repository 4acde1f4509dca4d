import type { Socket } from 'node:net'
import type { Refusal } from './refusal.ts'
import { codingFault } from '../message/framing.ts'
import { Http2Request } from '../message/http2-message.ts'
import type { Load } from '../connection/load.ts'
import type { Peers } from '../connection/peers.ts'
import type { Settings } from '../lifecycle/settings.ts'
import { TargetReader } from './request-target.ts'
import type { TargetFault } from './request-target.ts'
import { forwardedReader } from './trusted-proxies.ts'
import type { WireRequest } from '../message/wire.ts'

/** A request that may be served, with the facts that admission has determined. */
export interface Admitted {
  readonly url: string
  /** The client's address according to trusted proxies; undefined if none gives one. */
  readonly forwardedAddress: string | undefined
  readonly forwardedPort: number | undefined
}

/** Methods that a `Request` cannot have (https://fetch.spec.whatwg.org/#forbidden-method). */
const forbiddenMethods = new Set(['CONNECT', 'TRACE', 'TRACK'])

const refusal = (status: number, reason: string, connection: 'close' | 'keep'): Refusal => ({
  status,
  reason,
  connection,
})

/** Checks the head of a request against the limits, and against the rules of RFC 9110 and 9112 that Node does not check. */
export type Admit = (message: WireRequest) => Admitted | Refusal

/** The parts of the server that admit requests. */
export interface AdmissionParts {
  readonly settings: Pick<
    Settings,
    | 'maxHeaderFields'
    | 'maxTargetBytes'
    | 'maxBodyBytes'
    | 'maxRequestsInFlight'
    | 'maxPipelinedRequests'
    | 'retryAfterSeconds'
    | 'trustProxy'
  >
  readonly peers: Peers
  readonly load: Load
  /** `'handler'`: the handler's routes have separate limits, and the handler checks the announced length itself. */
  readonly announcedLength: 'checked' | 'handler'
}

export function makeAdmit({ settings, peers, load, announcedLength }: AdmissionParts): Admit {
  const targets = new TargetReader()
  const readForwarded = settings.trustProxy === undefined ? undefined : forwardedReader(settings.trustProxy)
  return (message) => {
    const { headers, method = 'GET' } = message
    const target = message.url ?? '/'
    if (message instanceof Http2Request) {
      if (message.fault !== undefined) return refusal(400, message.fault, 'close')
    } else if (message.httpVersionMajor !== 1) {
      // Node's parser accepts some other versions.
      return refusal(505, `HTTP/${message.httpVersion}`, 'close')
    }
    const codingStatus = codingFault(message)
    if (codingStatus !== undefined) {
      const reason = `the transfer coding ${message.headers['transfer-encoding']}`
      return { ...refusal(codingStatus, reason, 'close'), content: 'unframed' }
    }
    if (message.rawHeaders.length > settings.maxHeaderFields * 2) {
      return refusal(431, `more than ${settings.maxHeaderFields} header fields`, 'close')
    }
    if (target.length > settings.maxTargetBytes) {
      return refusal(414, `a target of more than ${settings.maxTargetBytes} bytes`, 'close')
    }
    if (forbiddenMethods.has(method)) return refusal(501, `the method ${method}`, 'close')

    const forwarded = readForwarded?.(peers.addressOf(message.socket), headers)
    // Duplicate Host fields were joined with a comma and a space, which is not a valid host (RFC 9112 section 3.2).
    const host = forwarded?.host ?? headers.host ?? localAuthority(message.socket)
    const origin = targets.origin(forwarded?.scheme ?? schemeOf(message.socket), host)
    if (origin === undefined) return refusal(400, 'the Host field is not a host', 'close')
    // The asterisk-form asks about the server as a whole, which a URL cannot express.
    const isAsterisk = target === '*' && method === 'OPTIONS'
    const url = isAsterisk ? `${origin}/` : targets.url(target, origin)
    if (typeof url !== 'string') return refuseTarget(url)

    const overload = overloadOf(settings, load, message)
    if (overload !== undefined) {
      const fields = ['retry-after', String(settings.retryAfterSeconds)]
      return { ...refusal(503, overload, 'keep'), fields }
    }
    const isChecked = announcedLength === 'checked'
    if (isChecked && Number(headers['content-length'] ?? 0) > settings.maxBodyBytes) {
      return refusal(413, `content of more than ${settings.maxBodyBytes} bytes`, 'close')
    }
    return { url, forwardedAddress: forwarded?.remoteAddress, forwardedPort: forwarded?.remotePort }
  }
}

function refuseTarget({ reason, location }: TargetFault): Refusal {
  if (location === undefined) return refusal(400, reason, 'close')
  // RFC 9110 section 15.4.9: with 308 the client repeats the request, with the same method and content.
  return { ...refusal(308, reason, 'keep'), fields: ['location', location] }
}

function overloadOf(
  { maxRequestsInFlight, maxPipelinedRequests }: AdmissionParts['settings'],
  load: Load,
  { socket, httpVersionMajor }: WireRequest,
): string | undefined {
  const { requestsInFlight } = load
  if (requestsInFlight >= maxRequestsInFlight) return `${maxRequestsInFlight} requests in flight`
  // Over HTTP/2 `maxConcurrentStreams` applies instead, and the client knows that limit.
  if (httpVersionMajor === 2) return undefined
  // Skip the lookup as long as all connections together have fewer requests than one connection may have.
  if (requestsInFlight < maxPipelinedRequests) return undefined
  if (load.depth(socket) < maxPipelinedRequests) return undefined
  return `${maxPipelinedRequests} requests in flight on the connection`
}

function schemeOf(socket: Socket): 'http' | 'https' {
  return 'encrypted' in socket && socket.encrypted === true ? 'https' : 'http'
}

/** The local address and port, as the host of an HTTP/1.0 request without a Host field. */
function localAuthority(socket: Socket): string {
  const { localAddress, localPort } = socket
  if (localAddress === undefined) return 'localhost'
  return `${localAddress.includes(':') ? `[${localAddress}]` : localAddress}:${localPort}`
}
