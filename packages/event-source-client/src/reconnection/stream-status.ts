import type { ConnectionFailure } from '../connection/connection.ts'
import type { QueueOverflowError } from '../errors/queue-overflow-error.ts'
import type { StreamEndError } from '../errors/stream-end-error.ts'
import type { EndReason } from '../wire-contract/reserved-events.ts'

/**
 * Why a stream is closed for good:
 *
 * - `client`: `close()` was called, or `await using` left its scope.
 * - `aborted`: the `signal` was aborted.
 * - `completed`: the stream came to its end (`stream.end`, the `terminator`, or a clean end that is not reconnected).
 * - `cancelled`: the server says that someone cancelled it.
 * - `failed`: the server says that the source of the events failed.
 * - `interrupted`: the server says that it was stopped before the end; or the connection was lost, and the request may
 *   not be repeated.
 * - `expired`: the server says that the topic's time was over before its end.
 * - `no-content`: the server answered 204: nothing more will come.
 * - `refused`: the server answered with something other than an event stream, and asking again would not help.
 * - `gave-up`: `maxAttempts` or `maxElapsedMs` was reached.
 * - `error`: the client could not connect or go on, and reconnecting does not help; the `cause` says why.
 */
export type EventSourceCloseReason =
  | 'client'
  | 'aborted'
  | EndReason
  | 'no-content'
  | 'refused'
  | 'gave-up'
  | 'error'

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
      /** The fields of the response, such as a session's id or what is left of a rate limit. From another origin a browser shows those that
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
