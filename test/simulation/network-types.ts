import type { ByteSource } from '@sse-toolkit/sse-server'
import type { Transport, TransportRequest } from '@sse-toolkit/event-source-client'
import type { SeededRandom } from '@sse-toolkit/test-support'
import type { Trace } from './trace.ts'
import type { VirtualTime } from './virtual-time.ts'

/** How bad the network is: chances from 0 to 1 for each connection, or each attempt at one. Drawn again for each run. */
export interface Weather {
  readonly refused: number
  /** The request is lost silently. */
  readonly swallowed: number
  /** An intermediary answers 502, 503 or 429, at times with Retry-After. */
  readonly intermediaryError: number
  readonly cut: number
  /** The response ends cleanly, in the middle of an event. */
  readonly endedEarly: number
  readonly halfOpen: number
  /** Nothing moves for some seconds. */
  readonly frozen: number
  /** An intermediary buffers bytes until it has 2 KiB, or for 3 s. */
  readonly buffered: number
  readonly throttled: number
  /** Every byte arrives on its own. */
  readonly singleBytes: number
  readonly maxLatencyMs: number
}

/** The end that takes requests. */
export interface Host {
  readonly isUp: boolean
  accept(request: IncomingRequest): void
}

/** A request as a host sees it. */
export interface IncomingRequest {
  readonly request: TransportRequest
  /** Whether the host still has reason to answer. */
  readonly isOpen: boolean
  /**
   * Answers: the body comes from the source, or is empty.
   *
   * @param onBytes - gets every piece of the body that reaches the client, before the client does.
   */
  respond(status: number, headers: Headers, body?: ByteSource, onBytes?: (bytes: Uint8Array) => void): void
  /** The host dies: its kernel resets the connection, or the machine is gone and nothing does. */
  die(how: 'reset' | 'silence'): void
}

/** What the network holds of an exchange. */
export interface ExchangeControl {
  readonly client: string
  readonly held: string
  heal(silenceIsNoticed: boolean): void
}

export interface NetworkSetting {
  readonly time: VirtualTime
  readonly random: SeededRandom
  readonly trace: Trace
  /** Bytes that a connection takes before `write` gives false. */
  readonly highWaterMarkBytes: number
  /** Bytes under way, and at the client before it reads them: TCP's window. */
  readonly windowBytes: number
}

/** The network between clients and hosts, which keeps TCP's promises and no others. */
export interface Network extends NetworkSetting {
  weather: Weather
  /** Connections that one side at least holds open. */
  readonly exchanges: Set<ExchangeControl>
  readonly counts: { opened: number; bytes: number }
  /** @param route - Which host a new connection goes to. */
  transportOf(client: string, route: () => Host): Transport
  /**
   * The weather turns fair. What was swallowed stays so.
   *
   * @param silenceIsNoticed - whether a client can tell a dead connection from a quiet one; where it cannot, TCP's own
   *   timeouts have to end it.
   */
  heal(silenceIsNoticed: boolean): void
}
