import {
  checkChoice,
  checkFieldValue,
  checkFunction,
  checkList,
  checkMethods,
  checkRequired,
  checkRuntime,
  isFunction,
  isToken,
} from '../../options/check-options.ts'
import { OptionError } from '../../errors/option-error.ts'
import { completeRuntime } from '../../runtime.ts'
import type { Runtime } from '../../runtime.ts'
import { secretFields } from '../request/redact.ts'
import { networkTest } from '../request/trusted-proxies.ts'
import { maxTimeoutMs } from './close-options.ts'
import type { ListenTarget, ProxyProtocolOptions, ServerOptions, TlsOptions, TrustProxy } from './options.ts'

/** See {@link ServerOptions.proxyProtocol}. */
export interface ProxyProtocolSettings {
  readonly mode: 'required' | 'optional'
  /** Whether the server reads the header of a peer with this address; undefined: it reads the header of any peer. */
  readonly isTrusted: ((address: string) => boolean) | undefined
  readonly timeoutMs: number
  readonly maxBytes: number
}

/** The options as every part of the server reads them: checked, and with the defaults filled in. */
export interface Settings {
  readonly hostname: string
  readonly port: number
  readonly listen: ListenTarget | undefined
  readonly maxConnections: number
  readonly idleTimeoutMs: number
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly bodyIdleTimeoutMs: number
  readonly responseStallTimeoutMs: number
  readonly reusePort: boolean
  readonly maxHeaderBytes: number
  readonly maxHeaderFields: number
  readonly maxBodyBytes: number
  readonly maxTargetBytes: number
  readonly maxRequestsInFlight: number
  readonly maxPipelinedRequests: number
  readonly retryAfterSeconds: number
  readonly highWaterMarkBytes: number | undefined
  readonly serverHeader: string | undefined
  readonly trustProxy: TrustProxy | undefined
  readonly socketHandover: 'auto' | 'off'
  readonly tls: TlsOptions | undefined
  readonly http2: 'offer' | 'off'
  readonly maxConcurrentStreams: number
  readonly http2PingIntervalMs: number
  readonly tcpKeepAliveMs: number
  readonly tcpUserTimeoutMs: number
  readonly proxyProtocol: ProxyProtocolSettings | undefined
  /** In lower case. */
  readonly upgradeProtocols: ReadonlySet<string>
  /** In lower case. */
  readonly secretFields: ReadonlySet<string>
  readonly runtime: Runtime
}

/** @throws {@link OptionError} naming the first option with an invalid value. */
export function resolveSettings(options: ServerOptions): Settings {
  checkKinds(options)
  const settings: Settings = {
    hostname: options.hostname ?? '127.0.0.1',
    port: integer('port', options.port ?? 8080, 0, 65_535),
    listen: options.listen,
    maxConnections: integerOrInfinity('maxConnections', options.maxConnections ?? 65_536, 1),
    idleTimeoutMs: integer('idleTimeoutMs', options.idleTimeoutMs ?? 5000, 0, maxTimeoutMs),
    headersTimeoutMs: integer('headersTimeoutMs', options.headersTimeoutMs ?? 10_000, 0, maxTimeoutMs),
    requestTimeoutMs: integer('requestTimeoutMs', options.requestTimeoutMs ?? 300_000, 0, maxTimeoutMs),
    bodyIdleTimeoutMs: integer('bodyIdleTimeoutMs', options.bodyIdleTimeoutMs ?? 20_000, 0, maxTimeoutMs),
    responseStallTimeoutMs: integer(
      'responseStallTimeoutMs',
      options.responseStallTimeoutMs ?? 60_000,
      0,
      maxTimeoutMs,
    ),
    reusePort: options.reusePort === 'on',
    maxHeaderBytes: integer('maxHeaderBytes', options.maxHeaderBytes ?? 16_384, 64, 2 ** 30),
    maxHeaderFields: integer('maxHeaderFields', options.maxHeaderFields ?? 100, 1),
    maxBodyBytes: integerOrInfinity('maxBodyBytes', options.maxBodyBytes ?? 1_048_576, 0),
    maxTargetBytes: integer('maxTargetBytes', options.maxTargetBytes ?? 8192, 1),
    maxRequestsInFlight: integerOrInfinity('maxRequestsInFlight', options.maxRequestsInFlight ?? 65_536, 1),
    maxPipelinedRequests: integerOrInfinity('maxPipelinedRequests', options.maxPipelinedRequests ?? 64, 1),
    retryAfterSeconds: integer('retryAfterSeconds', options.retryAfterSeconds ?? 1, 0),
    highWaterMarkBytes:
      options.highWaterMarkBytes === undefined
        ? undefined
        : integer('highWaterMarkBytes', options.highWaterMarkBytes, 1),
    serverHeader: options.serverHeader,
    trustProxy: options.trustProxy,
    socketHandover: options.socketHandover ?? 'auto',
    tls: options.tls,
    proxyProtocol: options.proxyProtocol === undefined ? undefined : proxyProtocol(options.proxyProtocol),
    http2: options.http2 ?? 'offer',
    maxConcurrentStreams: integer(
      'maxConcurrentStreams',
      options.maxConcurrentStreams ?? 256,
      1,
      2 ** 31 - 1,
    ),
    http2PingIntervalMs: integer(
      'http2PingIntervalMs',
      options.http2PingIntervalMs ?? 15_000,
      0,
      maxTimeoutMs,
    ),
    tcpKeepAliveMs: keepAlive(options.tcpKeepAliveMs ?? 15_000),
    tcpUserTimeoutMs: integer('tcpUserTimeoutMs', options.tcpUserTimeoutMs ?? 30_000, 0, maxTimeoutMs),
    upgradeProtocols: lowerCase(options.upgradeProtocols ?? ['websocket']),
    secretFields: lowerCase(options.secretFields ?? secretFields),
    runtime: completeRuntime(options.runtime),
  }
  checkTogether(settings)
  return settings
}

/** Settings that are not numbers. */
function checkKinds(options: ServerOptions): void {
  checkRequired('fetch', options.fetch)
  checkList('middleware', options.middleware, isFunction, 'middlewares')
  if (options.logger !== 'off') checkMethods('logger', options.logger, ['debug', 'info', 'warn', 'error'])
  checkMethods('logEventNames', options.logEventNames, [], 'an object of names')
  checkList('logEventNames', Object.values(options.logEventNames ?? {}), isText, 'names')
  checkList('upgradeProtocols', options.upgradeProtocols, isProtocolName, 'names such as websocket')
  checkList('secretFields', options.secretFields, isToken, 'field names')
  checkRuntime('runtime', options.runtime)
  checkFunction('onListening', options.onListening)
  checkFieldValue('serverHeader', options.serverHeader)
  checkChoice('requests', options.requests, ['light', 'native'])
  checkChoice('http2', options.http2, ['offer', 'off'])
  checkChoice('reusePort', options.reusePort, ['on', 'off'])
  checkChoice('socketHandover', options.socketHandover, ['auto', 'off'])
  checkMethods('tls', options.tls, [], 'an object such as { key, cert }')
  checkMethods('proxyProtocol', options.proxyProtocol, [], "an object such as { mode: 'required' }")
}

function proxyProtocol({ mode, from, timeoutMs, maxBytes }: ProxyProtocolOptions): ProxyProtocolSettings {
  if (mode !== 'required' && mode !== 'optional') {
    throw new OptionError('proxyProtocol.mode', mode, "'required' or 'optional'")
  }
  if (mode === 'optional' && from === undefined) {
    throw new OptionError('proxyProtocol.from', from, "the proxies' addresses where the mode is 'optional'")
  }
  return {
    mode,
    isTrusted: from === undefined ? undefined : networkTest('proxyProtocol.from', from),
    timeoutMs: integer('proxyProtocol.timeoutMs', timeoutMs ?? 5000, 1, maxTimeoutMs),
    maxBytes: integer('proxyProtocol.maxBytes', maxBytes ?? 4096, 232, 16 + 65_535),
  }
}

function checkTogether(settings: Settings): void {
  const { headersTimeoutMs, requestTimeoutMs, maxTargetBytes, maxHeaderBytes, hostname, listen } = settings
  if (requestTimeoutMs > 0 && headersTimeoutMs > requestTimeoutMs) {
    throw new OptionError(
      'headersTimeoutMs',
      headersTimeoutMs,
      `at most requestTimeoutMs (${requestTimeoutMs})`,
    )
  }
  if (maxTargetBytes >= maxHeaderBytes) {
    throw new OptionError('maxTargetBytes', maxTargetBytes, `less than maxHeaderBytes (${maxHeaderBytes})`)
  }
  if (typeof hostname !== 'string' || hostname === '')
    throw new OptionError('hostname', hostname, 'an address or a host name')
  if (listen !== undefined) {
    if (typeof listen !== 'object' || listen === null || !('fd' in listen || 'path' in listen)) {
      throw new OptionError('listen', listen, '{ fd } or { path }')
    }
    if ('fd' in listen) integer('listen.fd', listen.fd, 0)
    else if (typeof listen.path !== 'string' || listen.path === '')
      throw new OptionError('listen.path', listen.path, 'the path of a Unix socket')
  }
}

function isText(item: unknown): boolean {
  return typeof item === 'string' && item !== ''
}

function lowerCase(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.map((name) => name.toLowerCase()))
}

/** A name, optionally with a version, such as `websocket` or `IRC/6.9` (RFC 9110 section 7.8). */
function isProtocolName(item: unknown): boolean {
  return typeof item === 'string' && item.split('/').length <= 2 && item.split('/').every(isToken)
}

/** The kernel counts in seconds; Linux accepts at most 32 767. */
function keepAlive(value: number): number {
  if (value === 0) return 0
  return integer('tcpKeepAliveMs', value, 1000, 32_767_000)
}

function integer(option: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`
  throw new OptionError(option, value, `an integer ${range}`)
}

function integerOrInfinity(option: string, value: number, least: number): number {
  if (value === Infinity) return value
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new OptionError(option, value, `an integer of at least ${least}, or Infinity`)
}
