import type { ConnectionFailure } from '../connection/connection.ts'
import type { QueueOverflowError } from '../errors/queue-overflow-error.ts'
import type { StreamEndError } from '../errors/stream-end-error.ts'
import type { EventSourceCloseReason } from './reconnection.ts'

/** What can end a stream. */
export type StreamFailure = ConnectionFailure | QueueOverflowError | StreamEndError

export type StreamStatus =
  | {
      readonly state: 'connecting'
      /** 0 for the first connection, n for the nth reconnection since the stream was last stable. */
      readonly attempt: number
    }
  | {
      readonly state: 'open'
      /** The URL that answers, after redirects. */
      readonly url: string
      /** Of the response: a session's id, what is left of a rate limit. In browsers, from other origins, those that
       *  `Access-Control-Expose-Headers` names. */
      readonly headers: Headers
    }
  | {
      readonly state: 'reconnecting'
      /** Milliseconds of the whole wait. */
      readonly delayMs: number
      /** Which reconnection it will be, 1 for the first. */
      readonly attempt: number
      readonly cause: StreamFailure
    }
  | {
      /** The page is hidden, and `whenHidden` is `'pause'`. */
      readonly state: 'paused'
    }
  | {
      readonly state: 'closed'
      readonly reason: EventSourceCloseReason
      readonly cause?: StreamFailure | undefined
    }
