import { maxTimerMs } from '../runtime.ts'
import { clampDelay, fullJitter } from './backoff.ts'
import type { Backoff } from './backoff.ts'
import type { EventSourceCloseReason, StreamFailure, StreamStatus } from './stream-status.ts'

/*
 * When to connect, wait, and give up, as a pure state machine: (state, input) -> next state.
 *
 *               resume               opened
 *      paused ----------> connecting ------> open
 *         ^                 ^  |               |
 *         |       wait-over |  | lost          | lost
 *         | pause           |  v               |
 *         +------------ reconnecting <---------+
 *                              |
 *                              | lost once too often
 *                              v
 *                           closed
 *
 * Besides the arrows drawn: `pause`, `close` (from anywhere but closed) and `reconnect` (from anywhere but paused and
 * closed, to connecting). What it is in is the status that the user sees.
 *
 * There is no clock, timer, randomness or connection in here: the inputs carry the first three. The caller acts on the next
 * status if it is another object than before: `connecting` is a new connection, `reconnecting` a timer.
 */

/** The resolved `reconnection` option. */
export interface ReconnectionPolicy {
  readonly baseDelayMs: number
  readonly maxDelayMs: number
  readonly minDelayMs: number
  readonly maxAttempts: number
  readonly maxElapsedMs: number
  readonly resetAfterMs: number
  readonly backoff: Backoff
}

export interface ReconnectionState {
  readonly status: StreamStatus
  /** Connections lost or refused in a row since the last stable one; the growth of the delays. */
  readonly failures: number
  /** When the first of these was lost; absent if `failures` is 0. */
  readonly failingSinceMs?: number
  /** The option, until the server sends a `retry:`. */
  readonly baseDelayMs: number
  /** When the last connection became a stream. */
  readonly openedAtMs?: number
}

export type ReconnectionInput =
  | { readonly type: 'resume' | 'pause' | 'reconnect' }
  /** The timer fired, or the wait is cut short because the network is back. */
  | { readonly type: 'wait-over' }
  | { readonly type: 'opened'; readonly nowMs: number; readonly url: string; readonly headers: Headers }
  | { readonly type: 'retry'; readonly delayMs: number }
  | {
      readonly type: 'lost'
      readonly cause: StreamFailure
      readonly nowMs: number
      readonly random: () => number
      /** From `Retry-After`. */
      readonly retryAfterMs?: number | undefined
      /** The connection counts as stable, however short it was. */
      readonly isStable?: boolean
    }
  | {
      readonly type: 'close'
      readonly reason: EventSourceCloseReason
      readonly cause?: StreamFailure | undefined
    }

export function initialReconnectionState(policy: ReconnectionPolicy): ReconnectionState {
  return {
    status: { state: 'paused' },
    failures: 0,
    baseDelayMs: clampDelay(policy.baseDelayMs, policy),
  }
}

/** Inputs that make no sense in a state (a timer that fires late, say) leave it as it is. */
export function stepReconnection(
  policy: ReconnectionPolicy,
  state: ReconnectionState,
  input: ReconnectionInput,
): ReconnectionState {
  const { type } = input
  const { state: phase } = state.status
  const to = (change: Partial<ReconnectionState>): ReconnectionState => ({ ...state, ...change })
  const connect = to({ status: { state: 'connecting', attempt: state.failures } })

  if (phase === 'closed') return state
  if (type === 'close') {
    const { reason, cause } = input
    return to({ status: { state: 'closed', reason, cause } })
  }
  if (type === 'retry') return to({ baseDelayMs: clampDelay(input.delayMs, policy) })
  if (phase === 'paused') return type === 'resume' ? connect : state
  if (type === 'pause') return to({ status: { state: 'paused' } })
  if (type === 'reconnect') return connect
  if (phase === 'reconnecting') return type === 'wait-over' ? connect : state
  if (type === 'opened' && phase === 'connecting') {
    const { url, headers, nowMs: openedAtMs } = input
    return to({ status: { state: 'open', url, headers }, openedAtMs })
  }
  if (type !== 'lost') return state

  const { cause, nowMs, random, retryAfterMs } = input
  // Opening alone is not a success: a server that accepts and dies at once would be asked again at full speed, forever.
  const { openedAtMs = nowMs } = state
  const wasStable = phase === 'open' && (input.isStable || nowMs - openedAtMs >= policy.resetAfterMs)
  const failures = wasStable ? 1 : state.failures + 1
  const failingSinceMs = wasStable ? nowMs : (state.failingSinceMs ?? nowMs)
  const context = { ...policy, baseDelayMs: state.baseDelayMs, failures, random }
  const delayMs =
    retryAfterMs === undefined
      ? clampDelay(policy.backoff(context), policy)
      : // Never sooner than the server asked, and not all clients in the same second.
        clampDelay(retryAfterMs + fullJitter(context), { ...policy, maxDelayMs: maxTimerMs })
  const memory = { failures, failingSinceMs }

  return failures > policy.maxAttempts || nowMs - failingSinceMs + delayMs > policy.maxElapsedMs
    ? to({ ...memory, status: { state: 'closed', reason: 'gave-up', cause } })
    : to({ ...memory, status: { state: 'reconnecting', delayMs, attempt: failures, cause } })
}
