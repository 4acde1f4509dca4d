import type { ConnectionFailure } from '../connection/connection.ts'
import { ConnectionError, isFutile } from '../errors/connection-error.ts'
import { ResponseError } from '../errors/response-error.ts'
import type { LossVerdict } from './reconnecting-stream.ts'
import { requireType } from '../options/connection-options.ts'
import { parseRetryAfter } from './retry-after.ts'
import type { Runtime } from '../runtime.ts'

export interface LossPolicy {
  /** Whether a clean end is a loss, and whether an error is. */
  readonly reconnect: 'always' | 'on-error' | 'never'
  readonly shouldReconnect?: (failure: ConnectionFailure) => boolean | undefined
  readonly onUnauthorized?: (error: ResponseError) => unknown
}

/** Decides what the loss of a connection leads to. */
export interface LossJudge {
  readonly judge: (failure: ConnectionFailure) => Promise<LossVerdict>
  /** A stream has opened: whatever credentials it has are good, and may be renewed again. */
  reset(): void
}

export function createLossJudge(policy: LossPolicy, runtime: Runtime): LossJudge {
  const { reconnect, shouldReconnect, onUnauthorized } = policy
  requireType('function', { shouldReconnect, onUnauthorized })
  // Renewal answers one refusal; the next one, without a stream in between, says that it did not help.
  let isRenewed = false

  function judgeAsUsual(failure: ConnectionFailure): LossVerdict {
    const isEnd = failure.code === 'ended'
    const isResponse = failure instanceof ResponseError
    const isRepeatable = reconnect === 'always' || (reconnect === 'on-error' && !isEnd)
    if (isRepeatable && (shouldReconnect?.(failure) ?? isTransient(failure))) {
      const retryAfter = isResponse ? failure.headers.get('retry-after') : null
      return { type: 'lost', retryAfterMs: parseRetryAfter(retryAfter, runtime.now()) }
    }
    if (isEnd) return { type: 'close', reason: 'completed' }
    return { type: 'close', reason: isResponse ? 'refused' : 'failed', cause: failure }
  }

  return {
    async judge(failure) {
      const isUnauthorized = failure instanceof ResponseError && [401, 403].includes(failure.status)
      if (!isUnauthorized || onUnauthorized === undefined || isRenewed) return judgeAsUsual(failure)
      isRenewed = true
      return (await onUnauthorized(failure)) === false ? judgeAsUsual(failure) : { type: 'reconnect' }
    },
    reset() {
      isRenewed = false
    },
  }
}

/** Network errors, clean ends, and the statuses that say "later"; all else would only be repeated. */
function isTransient(failure: ConnectionFailure): boolean {
  if (failure instanceof ResponseError)
    return failure.code === 'status' && (failure.status >= 500 || [408, 425, 429].includes(failure.status))
  return failure instanceof ConnectionError && !isFutile(failure)
}
