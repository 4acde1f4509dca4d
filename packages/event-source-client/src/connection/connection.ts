import { ConnectionError } from '../errors/connection-error.ts'
import type { EventSizeError } from '../errors/event-size-error.ts'
import { ResponseError } from '../errors/response-error.ts'
import type { ResponseErrorCode } from '../errors/response-error.ts'
import { maxTimerMs } from '../runtime.ts'
import type { Runtime } from '../runtime.ts'
import type {
  Transport,
  TransportExchange,
  TransportRequest,
  TransportResponse,
} from '../transport/transport.ts'
import { missedHeartbeats, readSilenceLimit } from '../wire-contract/heartbeat.ts'
import { readStanding, standingFor } from '../wire-contract/standing.ts'
import type { ContractMode, Standing } from '../wire-contract/standing.ts'
import { eventStreamType, isEventStream } from './content-type.ts'
import { createEventDecoder } from './event-decoder.ts'
import type { DecodedBlocks, EventDecoder } from './event-decoder.ts'
import { startStopwatch } from './stopwatch.ts'

/** Why a connection ended, a clean end included. */
export type ConnectionFailure = ConnectionError | ResponseError | EventSizeError

export interface ConnectionConfig {
  readonly transport: Transport
  readonly runtime: Runtime
  /** 0 is off. */
  readonly connectTimeoutMs: number
  /** 0 is off. */
  readonly idleTimeoutMs: number | 'auto'
  readonly maxEventBytes: number
  readonly wireContract: ContractMode
  /** What becomes of an event that the end of the body cuts off. */
  readonly unfinishedEvent: 'discard' | 'dispatch'
}

/** Nothing is called after `onNoContent`, `onLost` or `abort()`. */
export interface ConnectionObserver extends Omit<DecodedBlocks, 'onError'> {
  onOpen(response: TransportResponse): void
  /** What the connection has shown of the wire contract: at its beginning, and when that changes. */
  onStanding(standing: Standing): void
  /** 204: nothing more will come. */
  onNoContent(): void
  /**
   * @param wasOpen - Whether the connection had become a stream.
   * @param hadEvents - Whether it brought any.
   */
  onLost(failure: ConnectionFailure, wasOpen: boolean, hadEvents: boolean): void
}

export interface Connection {
  pause(): void
  resume(): void
  /** The network has changed: a stream that shows no byte by its next heartbeat is taken for dead. */
  probe(): void
  abort(): void
}

/** How much of an error response's body is kept. */
const maxErrorBodyBytes = 4096
/** How long the body of an error response may take. */
const errorBodyTimeoutMs = 5000
/** How often a connection looks at the clock, at least. */
const tickMs = 15_000
/** A timer this late means that the machine slept. Browsers delay a hidden page's timers by at most a minute. */
const suspendedMs = 65_000
/** What a connection that looks dead gets to show a byte, when the timer that says so was late itself: the bytes may
 *  be waiting behind it. */
const graceMs = 1000

/**
 * Makes one connection and reads it to its end.
 *
 * @param prepare - Makes the request; its time counts against the connect timeout. The signal is aborted when the
 *   connection is.
 */
export function openConnection(
  prepare: (signal: AbortSignal) => Promise<TransportRequest>,
  config: ConnectionConfig,
  observer: ConnectionObserver,
): Connection {
  const { runtime, connectTimeoutMs, idleTimeoutMs } = config
  const preparation = new AbortController()
  let exchange: TransportExchange | undefined
  let timer: unknown
  let isOver = false
  let isPaused = false
  let decoder: EventDecoder | undefined
  // Infinity is off: at first for `auto`, which is not a number, and always for 0.
  let idleLimitMs = Number(idleTimeoutMs) || Infinity
  // Since the last byte.
  let silenceMs = startStopwatch(runtime)
  // What is done with the body: that depends on the head.
  let onData = (_chunk: Uint8Array): void => {}
  let onEnd = (): void => {
    const isUnfinished = decoder?.end(config.unfinishedEvent === 'dispatch')
    lose(
      isUnfinished
        ? new ConnectionError('unfinished', 'The server ended the stream within an event')
        : new ConnectionError('ended', 'The server ended the stream'),
    )
  }
  let onCut = onError

  /** @returns False if it was over before. */
  function stop(): boolean {
    if (isOver) return false
    isOver = true
    runtime.clearTimeout(timer)
    decoder?.stop()
    preparation.abort()
    exchange?.abort()
    return true
  }

  function lose(failure: ConnectionFailure): void {
    if (stop()) observer.onLost(failure, decoder !== undefined, Boolean(decoder?.hadEvents))
  }

  function onError(error: unknown): void {
    lose(
      error instanceof ConnectionError
        ? error
        : new ConnectionError('network', messageOf(error), { cause: error }),
    )
  }

  function startTimer(delayMs: number, callback: () => void): void {
    runtime.clearTimeout(timer)
    timer = runtime.setTimeout(callback, Math.min(delayMs, maxTimerMs))
  }

  function hear(): void {
    silenceMs = startStopwatch(runtime)
  }

  /** Looks at the clock when the silence may have become too long, and often enough to notice a machine's sleep. */
  function watch(): void {
    const waitMs = startStopwatch(runtime)
    const delayMs = Math.min(tickMs, Math.max(1, Math.ceil(idleLimitMs - silenceMs())))
    startTimer(delayMs, () => {
      const lateMs = waitMs() - delayMs
      // While paused nothing is read, so silence says nothing.
      if (isPaused) hear()
      const isIdle = silenceMs() >= idleLimitMs
      if (isPaused || !(isIdle || lateMs >= suspendedMs)) watch()
      else
        suspect(
          lateMs < graceMs ? 0 : graceMs,
          isIdle
            ? new ConnectionError('idle-timeout', `No byte for ${idleLimitMs} ms`)
            : new ConnectionError('suspended', 'The machine slept'),
        )
    })
  }

  /** Gives the connection this long to show a byte. */
  function suspect(patienceMs: number, failure: ConnectionError): void {
    const silence = silenceMs
    startTimer(patienceMs, () => {
      if (silenceMs === silence && !isPaused) lose(failure)
      else watch()
    })
  }

  function readStream(response: TransportResponse): void {
    let standing: Standing = 'stranger'
    const { decode } = (decoder = createEventDecoder(config.maxEventBytes, {
      ...observer,
      onComment(text) {
        const shown = readStanding(text, standing, !decoder?.hadEvents)
        if (shown !== standing) observer.onStanding((standing = shown))
        const announcedMs = readSilenceLimit(text)
        if (
          announcedMs >= 0 &&
          idleTimeoutMs === 'auto' &&
          standingFor(config.wireContract, standing) !== 'stranger'
        ) {
          idleLimitMs = announcedMs || Infinity
          watch()
        }
        observer.onComment(text)
      },
      onError: lose,
    }))
    onData = (chunk) => {
      hear()
      decode(chunk)
    }
    hear()
    watch()
    // Before the stream there is nothing to hold back, and an error is to be reported in full.
    if (isPaused) exchange?.pause()
    observer.onStanding(standing)
    observer.onOpen(response)
  }

  /** Keeps what the server has to say about its error. */
  function readRefusal(
    response: TransportResponse,
    code: ResponseErrorCode,
    expected: string,
    got: number | string | null,
  ): void {
    const utf8 = new TextDecoder()
    let content = ''
    let byteCount = 0
    onData = (chunk) => {
      content += utf8.decode(chunk.subarray(0, maxErrorBodyBytes - byteCount), { stream: true })
      byteCount += chunk.length
      if (byteCount >= maxErrorBodyBytes) onEnd()
    }
    onEnd = () =>
      lose(
        new ResponseError(
          code,
          `${response.url}: expected ${code} ${expected}, got ${got} (see the body)`,
          response,
          content,
        ),
      )
    // The head is the news; that its body broke off is not.
    onCut = onEnd
    startTimer(errorBodyTimeoutMs, onEnd)
  }

  function onResponse(response: TransportResponse): void {
    const { status, headers } = response
    const contentType = headers.get('content-type')
    if (status === 204) {
      if (stop()) observer.onNoContent()
    } else if (status !== 200) readRefusal(response, 'status', '200', status)
    else if (isEventStream(contentType)) readStream(response)
    else readRefusal(response, 'content-type', eventStreamType, contentType)
  }

  async function run(): Promise<void> {
    if (connectTimeoutMs)
      startTimer(connectTimeoutMs, () =>
        lose(new ConnectionError('connect-timeout', `No response within ${connectTimeoutMs} ms`)),
      )
    const request = await prepare(preparation.signal)
    if (isOver) return
    exchange = config.transport(request, {
      onResponse(response) {
        if (!isOver) onResponse(response)
      },
      onData(chunk) {
        if (!isOver) onData(chunk)
      },
      onEnd: () => onEnd(),
      onError: (error) => onCut(error),
    })
  }

  run().catch(onError)
  return {
    pause() {
      isPaused = true
      if (decoder) exchange?.pause()
    },
    resume() {
      isPaused = false
      // The silence of the pause was ours.
      hear()
      exchange?.resume()
    },
    probe() {
      const heartbeatMs = idleLimitMs < Infinity ? Math.ceil(idleLimitMs / missedHeartbeats) : 0
      if (decoder && !isPaused)
        suspect(heartbeatMs + graceMs, new ConnectionError('suspended', 'The network changed'))
    },
    abort: stop,
  }
}

/** When all addresses of a host fail, Node's error has no message, and fetch says "fetch failed" for everything. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  const detail = cause instanceof Error ? `${error.message}: ${messageOf(cause)}` : error.message
  return (detail || ((error as { code?: string }).code ?? error.name)).slice(0, 200)
}
