import type { EventSourceClient } from '../client/event-source-client.ts'
import { reportUncaught } from '../delivery/listeners.ts'
import { fetchTransport } from '../transport/fetch.ts'
import type { FetchLike } from '../transport/fetch.ts'
import type { StreamFailure, StreamStatus } from '../reconnection/stream-status.ts'
import { systemRuntime } from '../runtime.ts'
import type { Runtime } from '../runtime.ts'
import type { Transport } from '../transport/transport.ts'
import { defaultTransport } from '#default-transport'

/**
 * One thing that happened to a stream's connections:
 *
 * - `request`: an attempt begins. `exchange` counts them, from 1.
 * - `response`: the head has come; `elapsedMs` since its request.
 * - `chunk`: bytes of the body.
 * - `end`: the server ended the response; `byteCount` of its body.
 * - `error`: DNS, TCP, TLS or HTTP failed, or the response was cut.
 * - `abort`: the client closed the connection.
 * - `status`: the stream's status changed; `reconnecting` has the delay, the attempt and the cause.
 */
export type DebugEvent =
  | {
      readonly type: 'request'
      readonly exchange: number
      readonly method: string
      readonly url: string
      readonly headers: DebugHeaders
    }
  | {
      readonly type: 'response'
      readonly exchange: number
      readonly status: number
      readonly url: string
      readonly headers: DebugHeaders
      readonly elapsedMs: number
    }
  | { readonly type: 'chunk'; readonly exchange: number; readonly byteCount: number }
  | {
      readonly type: 'end' | 'abort'
      readonly exchange: number
      readonly byteCount: number
      readonly elapsedMs: number
    }
  | {
      readonly type: 'error'
      readonly exchange: number
      readonly byteCount: number
      readonly elapsedMs: number
      readonly error: unknown
    }
  | { readonly type: 'status'; readonly status: StreamStatus }

export type DebugHeaders = Readonly<Record<string, string>>

export interface DebugTransportOptions {
  /** The transport to watch. @defaultValue the platform's, or that of `fetch` or `dispatcher` */
  readonly transport?: Transport | undefined
  readonly fetch?: FetchLike | undefined
  /** Node only. */
  readonly dispatcher?: { dispatch(options: object, handler: object): boolean } | undefined
  /** Names of fields whose values are shown as `***`, besides Authorization, Cookie, Proxy-Authorization and Set-Cookie. */
  readonly secretHeaders?: readonly string[] | undefined
  /** Whose clock to measure by, for tests and simulations. */
  readonly runtime?: Pick<Runtime, 'now'> | undefined
}

/** Where the events also go in Node, if somebody subscribes: `diagnostics_channel.subscribe(debugChannelName, ...)`. */
export const debugChannelName = 'sse-toolkit:event-source'

const alwaysSecret = ['authorization', 'cookie', 'proxy-authorization', 'set-cookie']

/**
 * A transport that tells what happens: each request, response, chunk, end, error and abort.
 *
 * In Node the events also go to the diagnostics channel `sse-toolkit:event-source`. A `report` that throws changes nothing for
 * the stream; the error is reported as an uncaught one.
 *
 * @param report - Called with each event, at once.
 * @example
 * ```ts
 * import { EventSource } from '@sse-toolkit/event-source-client'
 * import { debugTransport } from '@sse-toolkit/event-source-client/debug'
 *
 * export function watchLoudly(url: string): EventSource {
 *   return new EventSource(url, { transport: debugTransport((event) => console.debug(event)) })
 * }
 * ```
 */
export function debugTransport(
  report: (event: DebugEvent) => void = () => {},
  options: DebugTransportOptions = {},
): Transport {
  const { fetch, dispatcher, secretHeaders = [], runtime = systemRuntime } = options
  const transport = options.transport ?? (fetch ? fetchTransport(fetch) : defaultTransport(dispatcher))
  const secrets = new Set([...alwaysSecret, ...secretHeaders.map((name) => name.toLowerCase())])
  const tell = teller(report)
  let exchanges = 0

  const shown = (headers: Headers, more: readonly string[] = []): DebugHeaders =>
    Object.fromEntries(
      [...headers].map(([name, value]) => [name, secrets.has(name) || more.includes(name) ? '***' : value]),
    )

  return (request, sink) => {
    exchanges += 1
    const exchange = exchanges
    const startMs = runtime.now()
    let byteCount = 0
    let isOver = false
    const elapsedMs = (): number => runtime.now() - startMs
    /** Each exchange has one end. */
    const over = (event: DebugEvent): void => {
      if (!isOver) tell(event)
      isOver = true
    }
    const { method, url } = request
    tell({
      type: 'request',
      exchange,
      method,
      url: withoutPassword(url),
      headers: shown(request.headers, request.secretHeaders),
    })
    const inner = transport(request, {
      onResponse(response) {
        const { status } = response
        const headers = shown(response.headers)
        tell({ type: 'response', exchange, status, url: response.url, headers, elapsedMs: elapsedMs() })
        sink.onResponse(response)
      },
      onData(chunk) {
        byteCount += chunk.length
        tell({ type: 'chunk', exchange, byteCount: chunk.length })
        sink.onData(chunk)
      },
      onEnd() {
        over({ type: 'end', exchange, byteCount, elapsedMs: elapsedMs() })
        sink.onEnd()
      },
      onError(error) {
        over({ type: 'error', exchange, byteCount, elapsedMs: elapsedMs(), error })
        sink.onError(error)
      },
    })
    return {
      pause: () => inner.pause(),
      resume: () => inner.resume(),
      abort() {
        over({ type: 'abort', exchange, byteCount, elapsedMs: elapsedMs() })
        inner.abort()
      },
    }
  }
}

/**
 * Tells the status of a client, now and whenever it changes: each wait with its delay and cause, and the reason of the end.
 *
 * @returns A function that stops it.
 */
export function debugStatus(
  client: Pick<EventSourceClient<never>, 'status' | 'onStatus'>,
  report: (event: DebugEvent) => void = () => {},
): () => void {
  const tell = teller(report)
  tell({ type: 'status', status: client.status })
  return client.onStatus((status) => tell({ type: 'status', status }))
}

/** One line for a log, without the bytes of the stream. */
export function formatDebugEvent(event: DebugEvent): string {
  switch (event.type) {
    case 'request':
      return `#${event.exchange} ${event.method} ${event.url}`
    case 'response':
      return `#${event.exchange} ${event.status} ${event.headers['content-type'] ?? 'no content type'} after ${Math.round(event.elapsedMs)} ms`
    case 'chunk':
      return `#${event.exchange} ${event.byteCount} bytes`
    case 'end':
    case 'abort':
      return `#${event.exchange} ${event.type} after ${event.byteCount} bytes and ${Math.round(event.elapsedMs)} ms`
    case 'error':
      return `#${event.exchange} error after ${event.byteCount} bytes and ${Math.round(event.elapsedMs)} ms: ${String(event.error)}`
    case 'status':
    default:
      return formatStatus(event.status)
  }
}

function formatStatus(status: StreamStatus): string {
  if (status.state === 'reconnecting')
    return `reconnecting in ${status.delayMs} ms (attempt ${status.attempt}): ${describe(status.cause)}`
  if (status.state === 'closed')
    return `closed (${status.reason})${status.cause ? `: ${describe(status.cause)}` : ''}`
  return status.state
}

function describe(failure: StreamFailure): string {
  return `${failure.code}, ${failure.message}`
}

function withoutPassword(url: URL): string {
  const shown = new URL(url)
  if (shown.password) shown.password = '***'
  return shown.href
}

function teller(report: (event: DebugEvent) => void): (event: DebugEvent) => void {
  const channel = findChannel()
  return (event) => {
    if (channel?.hasSubscribers) channel.publish(event)
    try {
      report(event)
    } catch (error) {
      reportUncaught(error)
    }
  }
}

interface DiagnosticsChannel {
  readonly hasSubscribers: boolean
  publish(message: unknown): void
}

/** By `process.getBuiltinModule`, so that a bundle for browsers has no import of Node's. */
function findChannel(): DiagnosticsChannel | undefined {
  const { process } = globalThis as {
    process?: {
      getBuiltinModule?: (name: string) => { channel(name: string): DiagnosticsChannel } | undefined
    }
  }
  return process?.getBuiltinModule?.('node:diagnostics_channel')?.channel(debugChannelName)
}
