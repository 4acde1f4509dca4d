import { requireType } from '../check-option.ts'
import type { ConnectionFailure } from '../connection/connection.ts'
import { ConnectionError, isFutile } from '../errors/connection-error.ts'
import { ResponseError } from '../errors/response-error.ts'
import type { Runtime } from '../runtime.ts'
import { parseRetryAfter } from './retry-after.ts'
import type { EventSourceCloseReason, StreamFailure } from './stream-status.ts'

/** What the loss of a connection leads to: a wait, a new attempt at once, or the end. */
export type RetryDecision =
  | { readonly type: 'lost'; readonly retryAfterMs?: number | undefined; readonly isStable?: boolean }
  | { readonly type: 'reconnect' }
  | { readonly type: 'close'; readonly reason: EventSourceCloseReason; readonly cause?: StreamFailure }

/** When the client reconnects: after errors and clean ends, after errors only, or never. */
export type ReconnectMode = 'always' | 'on-error' | 'never'

export interface RetryOptions {
  readonly reconnect: ReconnectMode
  /** A stream that ends without it has not come to its end. */
  readonly terminator?: string | undefined
  readonly shouldReconnect?:
    | ((failure: ConnectionFailure) => boolean | undefined | Promise<boolean | undefined>)
    | undefined
  readonly onUnauthorized?: ((error: ResponseError) => unknown) | undefined
}

/** Decides what the loss of a connection leads to. */
export interface RetryPolicy {
  /** @param wasOpen - Whether the connection had become a stream. */
  readonly decideRetry: (failure: ConnectionFailure, wasOpen: boolean) => Promise<RetryDecision>
  /** A stream has opened: its credentials are good, and may be renewed again later. */
  reset(): void
}

export function createRetryPolicy(options: RetryOptions, runtime: Pick<Runtime, 'wallClock'>): RetryPolicy {
  const { reconnect, terminator, shouldReconnect, onUnauthorized } = options
  requireType('function', { shouldReconnect, onUnauthorized })
  // Renewing the credentials answers one refusal. A second refusal without a stream in between shows that it did not help.
  let isRenewed = false

  return {
    async decideRetry(failure, wasOpen) {
      const isResponse = failure instanceof ResponseError
      if (onUnauthorized && !isRenewed && isResponse && [401, 403].includes(failure.status)) {
        isRenewed = true
        if ((await onUnauthorized(failure)) !== false) return { type: 'reconnect' }
      }
      const isEnd = failure.code === 'ended' && terminator === undefined
      if (isRepeated(reconnect, isEnd) && ((await shouldReconnect?.(failure)) ?? isTransient(failure))) {
        const retryAfter = isResponse ? failure.headers.get('retry-after') : null
        return { type: 'lost', retryAfterMs: parseRetryAfter(retryAfter, runtime.wallClock()) }
      }
      if (isEnd) return { type: 'close', reason: 'completed' }
      const isCut = wasOpen && failure instanceof ConnectionError && !isFutile(failure)
      return {
        type: 'close',
        reason: isResponse ? 'refused' : isCut ? 'interrupted' : 'error',
        cause: failure,
      }
    },
    reset() {
      isRenewed = false
    },
  }
}

/** Whether the request may be sent again after a clean end, or after any other. */
export function isRepeated(reconnect: ReconnectMode, isEnd: boolean): boolean {
  return reconnect === 'always' || (reconnect === 'on-error' && !isEnd)
}

/** Network errors, clean ends, and the statuses that say "later". Anything else would fail the same way again. */
function isTransient(failure: ConnectionFailure): boolean {
  if (failure instanceof ResponseError)
    return failure.code === 'status' && (failure.status >= 500 || [408, 425, 429].includes(failure.status))
  return failure instanceof ConnectionError && !isFutile(failure)
}
