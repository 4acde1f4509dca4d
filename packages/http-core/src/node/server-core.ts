import type { Logger } from '../logger.ts'
import type { Handler } from '../middleware.ts'
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
  /** Counted up and down by the exchanges. */
  requestsInFlight: number
  /** A stop need not wait for the end of an event stream. */
  streamOpened(stream: OpenStream): void
  streamClosed(stream: OpenStream): void
  /** An exchange is over that was not answered at once. */
  exchangeEnded(): void
}
