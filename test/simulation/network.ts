import type { Transport } from '@sse-toolkit/event-source-client'
import type { SeededRandom } from '@sse-toolkit/test-support'
import { openExchange } from './exchange.ts'
import type { ExchangeControl, IncomingRequest } from './exchange.ts'
import type { Trace } from './trace.ts'
import type { VirtualTime } from './virtual-time.ts'

/** How bad the network is: chances from 0 to 1 for each connection, or each attempt at one. Drawn anew for each run. */
export interface Weather {
  readonly refused: number
  /** The request goes nowhere, and nobody says so. */
  readonly swallowed: number
  /** An intermediary answers 502, 503 or 429, at times with Retry-After. */
  readonly intermediaryError: number
  readonly cut: number
  /** The response ends in good order, in the midst of an event. */
  readonly endedEarly: number
  readonly halfOpen: number
  /** Nothing moves for some seconds. */
  readonly frozen: number
  /** An intermediary holds back what it has until it is 2 KiB, or 3 s old. */
  readonly buffered: number
  readonly throttled: number
  /** Every byte arrives on its own. */
  readonly singleBytes: number
  readonly maxLatencyMs: number
}

export const fairWeather: Weather = {
  refused: 0,
  swallowed: 0,
  intermediaryError: 0,
  cut: 0,
  endedEarly: 0,
  halfOpen: 0,
  frozen: 0,
  buffered: 0,
  throttled: 0,
  singleBytes: 0,
  maxLatencyMs: 20,
}

/** Whoever takes requests. */
export interface Host {
  readonly isUp: boolean
  accept(request: IncomingRequest): void
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

export function createNetwork(setting: NetworkSetting): Network {
  const network: Network = {
    ...setting,
    weather: fairWeather,
    exchanges: new Set(),
    counts: { opened: 0, bytes: 0 },
    transportOf: (client, route) => (request, sink) => {
      network.counts.opened += 1
      return openExchange(network, client, request, sink, route)
    },
    heal(silenceIsNoticed) {
      network.weather = fairWeather
      for (const exchange of network.exchanges) exchange.heal(silenceIsNoticed)
    },
  }
  return network
}
