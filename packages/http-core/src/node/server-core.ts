import type { Socket } from 'node:net'
import type { Logger } from '../logger.ts'
import type { Handler } from '../middleware.ts'
import type { ProxyHeader } from '../proxy-header.ts'
import type { HandedOverOwner } from './http1-byte-sink.ts'
import type { Settings } from './options.ts'
import type { Pipelines } from './pipelines.ts'
import type { TargetReader } from './request-target.ts'
import type { ForwardedReader } from './trusted-proxies.ts'

/** An event stream that is being sent. */
export interface OpenStream {
  /** Ends it in good order, for a server that stops. */
  end(): void
}

/** What a server shares with its connections and exchanges. */
export interface ServerCore {
  readonly settings: Settings
  readonly fetch: Handler
  readonly requests: 'light' | 'native'
  readonly log: Logger
  readonly targets: TargetReader
  readonly forwarded: ForwardedReader | undefined
  /** Aborts when the server begins to stop. */
  readonly closing: AbortSignal
  readonly pipelines: Pipelines
  /** Connections on which a response said `Connection: close`: what comes behind it is not served. */
  readonly closingConnections: WeakSet<Socket>
  /** What proxies said of each connection; undefined where they are not asked. */
  readonly proxyHeaders: WeakMap<object, ProxyHeader> | undefined
  /** Counted up and down by the exchanges. */
  requestsInFlight: number
  /** A stop need not wait for the end of an event stream. */
  streamOpened(stream: OpenStream): void
  streamClosed(stream: OpenStream): void
  /** An exchange is over that was not answered at once. */
  exchangeEnded(): void
  /** To be called once for each connection; node:http's own listeners have been taken off one that is handed over. */
  connectionClosed(socket: Socket): void
  /** What stands for the exchanges whose connections were handed over. */
  readonly handedOver: HandedOverOwner
}
