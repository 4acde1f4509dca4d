import { maxTimerMs } from '../runtime.ts'

/** What a {@link Backoff} decides on. */
export interface BackoffContext {
  /** Connections lost or refused in a row since the stream was last stable, 1 or more. */
  readonly failures: number
  /** The server's `retry:` if it sent one, else the option; within [minDelayMs, maxDelayMs]. */
  readonly baseDelayMs: number
  readonly maxDelayMs: number
  readonly minDelayMs: number
  /** Uniform in [0, 1). */
  random(): number
}

/**
 * Gives the milliseconds to wait before reconnecting.
 *
 * The result is rounded and held within [minDelayMs, maxDelayMs]; NaN counts as maxDelayMs.
 */
export type Backoff = (context: BackoffContext) => number

/**
 * Exponential backoff with full jitter: uniform between 0 and `base * 2^(failures - 1)`, that capped at the maximum.
 *
 * Full jitter spreads the clients of a server that restarts evenly; any part of the delay that is not random keeps
 * them together.
 *
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export const fullJitter: Backoff = (context) =>
  // Finite for any number of failures: 2 ** 1024 would be Infinity, and Infinity times a base of 0 is NaN.
  context.random() *
  Math.min(context.maxDelayMs, context.baseDelayMs * 2 ** Math.min(context.failures - 1, 31))

/** Always the reconnection time: the server's `retry:`, else `baseDelayMs`. Clients that lose their connections together come back together. */
export const constantBackoff: Backoff = (context) => context.baseDelayMs

/**
 * What the standard asks of `EventSource`: the reconnection time, and after failed attempts some more.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#reestablish-the-connection
 */
export const standardBackoff: Backoff = (context) =>
  context.baseDelayMs + (context.failures > 1 ? fullJitter({ ...context, maxDelayMs: 30_000 }) : 0)

/** Whole milliseconds within the bounds that a timer keeps; NaN becomes the upper one, so that a broken backoff function never makes a hot loop. */
export function clampDelay(delayMs: number, { minDelayMs, maxDelayMs }: DelayBounds): number {
  const raisedMs = delayMs < minDelayMs ? minDelayMs : delayMs
  return Math.round(Math.min(raisedMs >= 0 ? raisedMs : maxDelayMs, maxDelayMs, maxTimerMs))
}

type DelayBounds = Pick<BackoffContext, 'minDelayMs' | 'maxDelayMs'>
