import { callListener, isThenable } from '../callbacks.ts'
import { gapEvent } from '../wire-contract/reserved-events.ts'
import type { Gap } from '../wire-contract/reserved-events.ts'
import type { WireContract } from '../wire-contract/extent.ts'
import { formatComment } from '../format/event.ts'
import type { ServerSentEvent } from '../format/event.ts'
import { OptionError } from '../errors/option-error.ts'
import { commentFrame, encodeFrame, eventFrame } from './frame.ts'
import type { Frame } from './frame.ts'
import type { FrameQueueSettings } from './frame-queue.ts'
import { longestSilenceMs } from './heartbeat.ts'
import type { OptionNames } from '../option-names.ts'
import { choiceOption, durationOption, functionOption, limitOption } from '../options.ts'
import { systemRuntime } from '../runtime.ts'
import type { Runtime } from '../runtime.ts'
import { schedulerOf } from './scheduler.ts'
import type { SlowConsumerPolicy } from './waiting-frames.ts'

/** What a connection goes by, whether it stands alone or belongs to a hub. */
export interface ConnectionOptions {
  /**
   * Milliseconds of silence after which a heartbeat goes out, so that intermediaries and clients see a live connection:
   * between this and 1.07 times this. Any event or comment resets it. The upper bound is announced to the client in the
   * first block, `: heartbeat 16000`.
   *
   * @defaultValue 15 000. 0 is off.
   */
  readonly heartbeatIntervalMs?: number | undefined
  /**
   * What a heartbeat is: a string is the text of a comment, an object an event. A function is asked each time.
   *
   * @defaultValue the empty comment, `":\n\n"`
   */
  readonly heartbeat?: string | ServerSentEvent | (() => string | ServerSentEvent) | undefined
  /** The reconnection time that the first block gives to the client. Absent: the client's own. */
  readonly reconnectionTimeMs?: number | undefined
  /**
   * Bytes that may wait for this connection in this process. A single event may exceed it while nothing waits. The policies
   * that drop count what the output has not taken yet: what it has taken cannot be dropped.
   *
   * @defaultValue 1 MiB. `Infinity` takes the limit away.
   */
  readonly maxBufferedBytes?: number | undefined
  /**
   * What happens to events that the reader takes too slowly. A source that waits for `ready()`, as every iterable does, never
   * gets there.
   *
   * - `disconnect` (default): at `maxBufferedBytes` the connection is destroyed; the client returns, and resumes where there is a
   *   hub. A stream that is filled up by `send` within a second is reported to `onError`, once.
   * - `drop-oldest`: at `maxBufferedBytes` what has waited longest is dropped, and an event `stream.gap` says so.
   * - `latest`: from the moment on that the output has no room (its high-water mark, 16 to 64 KiB), far below
   *   `maxBufferedBytes`, only the newest event of each key waits (see `key` of `send` and `publish`); what it takes the place of
   *   is not announced. If these alone reach `maxBufferedBytes`, the oldest of them are dropped, and an event `stream.gap` says so.
   */
  readonly slowConsumer?: SlowConsumerPolicy | undefined
  /**
   * Milliseconds after which a connection whose output does not drain is destroyed.
   *
   * @defaultValue 60 000. 0 is never.
   */
  readonly stallTimeoutMs?: number | undefined
  /** Hears what goes wrong in functions that the user gave. @defaultValue `console.error` */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Clock, timers and chance, for tests and simulations. @defaultValue the host's */
  readonly runtime?: Runtime | undefined
}

export const connectionOptionNames: OptionNames<ConnectionOptions> = {
  heartbeatIntervalMs: true,
  heartbeat: true,
  reconnectionTimeMs: true,
  maxBufferedBytes: true,
  slowConsumer: true,
  stallTimeoutMs: true,
  onError: true,
  runtime: true,
}

/** The checked form of {@link ConnectionOptions}. */
export interface ConnectionSettings extends FrameQueueSettings {
  readonly longestSilenceMs: number
  readonly reconnectionTimeMs: number | undefined
  readonly wireContract: WireContract
  /** Tells each `onError` once: a client that comes back for the same would make it say so again and again. */
  readonly reportOverflow: (error: Error) => void
}

/** @throws {@link OptionError} */
export function connectionSettings(
  options: ConnectionOptions,
  wireContract: WireContract = 'full',
): ConnectionSettings {
  const heartbeatIntervalMs = durationOption('heartbeatIntervalMs', options.heartbeatIntervalMs, 15_000)
  const onError = errorReporter(functionOption('onError', options.onError))
  if (
    options.reconnectionTimeMs !== undefined &&
    (!Number.isSafeInteger(options.reconnectionTimeMs) || options.reconnectionTimeMs < 0)
  ) {
    throw new OptionError(
      'reconnectionTimeMs',
      options.reconnectionTimeMs,
      'a non-negative integer of milliseconds',
    )
  }
  const scheduler = schedulerOf(options.runtime ?? systemRuntime)
  const listener = options.onError ?? scheduler
  return {
    scheduler,
    reportOverflow(error) {
      if (!scheduler.toldOfOverflow.has(listener)) onError(error)
      scheduler.toldOfOverflow.add(listener)
    },
    heartbeatIntervalMs,
    heartbeatFrame: heartbeatFrames(options.heartbeat, wireContract, onError),
    gapFrame: (gap, position) => gapFrame(gap, position, wireContract),
    wireContract,
    longestSilenceMs: longestSilenceMs(heartbeatIntervalMs),
    reconnectionTimeMs: options.reconnectionTimeMs,
    maxBufferedBytes: limitOption('maxBufferedBytes', options.maxBufferedBytes, 1_048_576),
    slowConsumer: choiceOption('slowConsumer', options.slowConsumer, ['disconnect', 'drop-oldest', 'latest']),
    stallTimeoutMs: durationOption('stallTimeoutMs', options.stallTimeoutMs, 60_000),
    onError,
  }
}

/** An error without a listener must not pass unseen, and a listener that throws must not make it worse. */
function errorReporter(listener: ConnectionOptions['onError']): (error: unknown) => void {
  /* oxlint-disable no-console -- the last resort */
  if (listener === undefined) return (error) => console.error(error)
  return (error) =>
    callListener(
      () => listener(error),
      (failure) => console.error(failure),
    )
  /* oxlint-enable no-console */
}

/** Announces to a reader that follows the contract that events were dropped for it. */
function gapFrame(gap: Gap, position: string | undefined, wireContract: WireContract): Frame | null {
  if (wireContract === 'full') return eventFrame(gapEvent(gap, position))
  return wireContract === 'off' || position === undefined ? null : eventFrame({ id: position })
}

function heartbeatFrames(
  heartbeat: ConnectionOptions['heartbeat'],
  wireContract: WireContract,
  onError: (error: unknown) => void,
): () => Frame | null {
  const isLine = wireContract === 'off'
  const keepalive = isLine ? commentLineFrame('') : encodeFrame(formatComment(), undefined, ':')
  if (heartbeat === undefined) return () => keepalive
  const frameOf = (given: string | ServerSentEvent): Frame =>
    isLine && typeof given === 'string' ? commentLineFrame(given) : heartbeatFrame(given)
  if (typeof heartbeat !== 'function') {
    const frame = frameOf(heartbeat)
    return () => frame
  }
  return () => {
    try {
      const given: unknown = heartbeat()
      if (isThenable(given)) void given.then(undefined, onError)
      return frameOf(given as ReturnType<typeof heartbeat>)
    } catch (error) {
      // The connection's life does not hang on the text of its heartbeat.
      onError(error)
      return keepalive
    }
  }
}

/** A comment without the blank line behind it, which some parsers take for an event without data. */
function commentLineFrame(text: string): Frame {
  return encodeFrame(formatComment(text).slice(0, -1), undefined, ':')
}

function heartbeatFrame(heartbeat: string | ServerSentEvent): Frame {
  return typeof heartbeat === 'string' ? commentFrame(heartbeat) : eventFrame(heartbeat)
}
