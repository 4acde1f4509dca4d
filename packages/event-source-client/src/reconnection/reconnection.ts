import { maxTimerMs } from '../runtime.ts'
import type { EndReason } from '../wire-contract/reserved-events.ts'
import { clampDelay, fullJitter } from './backoff.ts'
import type { Backoff } from './backoff.ts'

/*
 * When to connect, wait, and give up, as a pure state machine: (state, input) -> next state + effects.
 *
 *               resume               opened
 *        idle ----------> connecting ------> open
 *         ^                 ^  |               |
 *         |       wait-over |  | lost          | lost
 *         | pause           |  v               |
 *         +--------------- waiting <-----------+
 *                              |
 *                              | lost once too often
 *                              v
 *                           closed
 *
 * Beside the arrows drawn: `pause`, `close` (from anywhere but closed) and `reconnect` (from anywhere but idle and
 * closed, to connecting).
 *
 * No clock, timer, randomness or connection in here: inputs carry the first three, effects name the rest.
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

/**
 * Why a stream is closed for good:
 *
 * - `client`: `close()` was called, or `await using` left its scope.
 * - `aborted`: the `signal` was aborted.
 * - `completed`: the stream came to its end (`stream.end`, the `terminator`, or a clean end that is not reconnected).
 * - `cancelled`: the server says that somebody ended it.
 * - `failed`: the server says that what made the events failed.
 * - `interrupted`: the server says that it was stopped before the end; or the connection was lost, and the request may
 *   not be repeated.
 * - `expired`: the server says that the topic's time was over before its end.
 * - `no-content`: the server answered 204: nothing more will come.
 * - `refused`: the server answered with something else than an event stream, and it is not worth asking again.
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

interface Memory {
  /** Connections lost or refused in a row since the last stable one; the growth of the delays. */
  readonly failures: number
  /** When the first of these was lost; undefined if `failures` is 0. */
  readonly failingSinceMs: number | undefined
  /** The option, until the server sends a `retry:`. */
  readonly baseDelayMs: number
}

type Phase<Cause> =
  | { readonly phase: 'idle' }
  | { readonly phase: 'connecting' }
  | { readonly phase: 'open'; readonly openedAtMs: number }
  | { readonly phase: 'waiting'; readonly delayMs: number; readonly cause: Cause }
  | { readonly phase: 'closed'; readonly reason: EventSourceCloseReason; readonly cause: Cause | undefined }

export type ReconnectionState<Cause> = Memory & Phase<Cause>

export type ReconnectionInput<Cause> =
  | { readonly type: 'resume' | 'pause' | 'reconnect' }
  /** The timer fired, or the wait is cut short because the network is back. */
  | { readonly type: 'wait-over' }
  | { readonly type: 'opened'; readonly nowMs: number }
  | { readonly type: 'retry'; readonly reconnectionTimeMs: number }
  | {
      readonly type: 'lost'
      readonly cause: Cause
      readonly nowMs: number
      readonly random: () => number
      /** From `Retry-After`. */
      readonly retryAfterMs?: number | undefined
      /** The connection counts as stable, however short it was. */
      readonly isStable?: boolean
    }
  | { readonly type: 'close'; readonly reason: EventSourceCloseReason; readonly cause?: Cause | undefined }

/**
 * - `connect`: open a connection.
 * - `wait`: start a timer of the state's `delayMs`.
 * - `stop`: abort the connection or the timer, if there is one.
 */
export type ReconnectionEffect = 'connect' | 'wait' | 'stop'

export interface ReconnectionStep<Cause> {
  readonly state: ReconnectionState<Cause>
  readonly effects: readonly ReconnectionEffect[]
}

export function initialReconnectionState(policy: ReconnectionPolicy): ReconnectionState<never> {
  const baseDelayMs = clampDelay(policy.baseDelayMs, policy)
  return { phase: 'idle', failures: 0, failingSinceMs: undefined, baseDelayMs }
}

/** Inputs that make no sense in a state (a timer that fires late, say) leave it as it is, without effects. */
export function stepReconnection<Cause>(
  policy: ReconnectionPolicy,
  state: ReconnectionState<Cause>,
  input: ReconnectionInput<Cause>,
): ReconnectionStep<Cause> {
  const { phase, failures, failingSinceMs, baseDelayMs } = state
  const to = (
    next: Phase<Cause> & Partial<Memory>,
    ...effects: ReconnectionEffect[]
  ): ReconnectionStep<Cause> => ({
    state: { failures, failingSinceMs, baseDelayMs, ...next },
    effects,
  })
  const connect = to({ phase: 'connecting' }, 'stop', 'connect')
  const stay = to(state)

  if (phase === 'closed') return stay
  if (input.type === 'close') return to({ phase: 'closed', reason: input.reason, cause: input.cause }, 'stop')
  if (input.type === 'retry')
    return to({ ...state, baseDelayMs: clampDelay(input.reconnectionTimeMs, policy) })
  if (phase === 'idle') return input.type === 'resume' ? connect : stay
  if (input.type === 'pause') return to({ phase: 'idle' }, 'stop')
  if (input.type === 'reconnect') return connect
  if (phase === 'waiting') return input.type === 'wait-over' ? connect : stay
  if (input.type === 'lost') return lose(policy, state, input)
  if (input.type === 'opened' && phase === 'connecting') return to({ phase: 'open', openedAtMs: input.nowMs })
  return stay
}

function lose<Cause>(
  policy: ReconnectionPolicy,
  state: ReconnectionState<Cause>,
  input: ReconnectionInput<Cause> & { type: 'lost' },
): ReconnectionStep<Cause> {
  const { cause, nowMs, random, retryAfterMs } = input
  // A mere open is no success: a server that accepts and dies at once would be asked again at full speed for ever.
  const wasStable =
    state.phase === 'open' && (input.isStable === true || nowMs - state.openedAtMs >= policy.resetAfterMs)
  const failures = wasStable ? 1 : state.failures + 1
  const failingSinceMs = wasStable ? nowMs : (state.failingSinceMs ?? nowMs)
  const memory = { failures, failingSinceMs, baseDelayMs: state.baseDelayMs }

  const context = { ...policy, ...memory, random }
  const delayMs =
    retryAfterMs === undefined
      ? clampDelay(policy.backoff(context), policy)
      : // Never before the server wants it, but not all clients in the same second.
        clampDelay(retryAfterMs + fullJitter(context), { ...policy, maxDelayMs: maxTimerMs })

  return failures > policy.maxAttempts || nowMs - failingSinceMs + delayMs > policy.maxElapsedMs
    ? { state: { ...memory, phase: 'closed', reason: 'gave-up', cause }, effects: [] }
    : {
        state: { ...memory, phase: 'waiting', delayMs, cause },
        effects: ['wait'],
      }
}
