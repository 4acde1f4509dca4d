import { callListener, isThenable } from '../callbacks.ts'
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
  /** The reconnection time that the client is told in the first block. Absent: the client's own. */
  readonly reconnectionTimeMs?: number | undefined
  /**
   * Bytes that may wait for this connection in this process. A single event may exceed it while nothing waits. The policies
   * that drop count what the output has not taken yet: what it has taken cannot be dropped.
   *
   * @defaultValue 1 MiB. `Infinity` takes the limit away.
   */
  readonly maxBufferedBytes?: number | undefined
  /**
   * What happens at `maxBufferedBytes`. A source that waits for `ready()`, as every iterable does, never gets there.
   *
   * - `disconnect` (default): the connection is destroyed; the client returns, and resumes where there is a hub.
   * - `drop-oldest`: what has waited longest is dropped, and an event `stream.gap` says so.
   * - `latest`: while the output has no room, of each key only the newest event waits (see `key` of `send` and `publish`).
   *   At the limit the oldest of these are dropped, and an event `stream.gap` says so.
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
}

/** @throws {@link OptionError} */
export function connectionSettings(options: ConnectionOptions): ConnectionSettings {
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
  return {
    scheduler: schedulerOf(options.runtime ?? systemRuntime),
    heartbeatIntervalMs,
    heartbeatFrame: heartbeatFrames(options.heartbeat, onError),
    longestSilenceMs: longestSilenceMs(heartbeatIntervalMs),
    reconnectionTimeMs: options.reconnectionTimeMs,
    maxBufferedBytes: limitOption('maxBufferedBytes', options.maxBufferedBytes, 1_048_576),
    slowConsumer: choiceOption('slowConsumer', options.slowConsumer, ['disconnect', 'drop-oldest', 'latest']),
    stallTimeoutMs: durationOption('stallTimeoutMs', options.stallTimeoutMs, 60_000),
    onError,
  }
}

/** An error that nobody listens for must not pass unseen; and a listener that throws must not make it worse. */
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

function heartbeatFrames(
  heartbeat: ConnectionOptions['heartbeat'],
  onError: (error: unknown) => void,
): () => Frame | null {
  const keepalive = encodeFrame(formatComment(), undefined, ':')
  if (heartbeat === undefined) return () => keepalive
  if (typeof heartbeat !== 'function') {
    const frame = heartbeatFrame(heartbeat)
    return () => frame
  }
  return () => {
    try {
      const given: unknown = heartbeat()
      if (isThenable(given)) void given.then(undefined, onError)
      return heartbeatFrame(given as ReturnType<typeof heartbeat>)
    } catch (error) {
      // The connection's life does not hang on the text of its heartbeat.
      onError(error)
      return keepalive
    }
  }
}

function heartbeatFrame(heartbeat: string | ServerSentEvent): Frame {
  return typeof heartbeat === 'string' ? commentFrame(heartbeat) : eventFrame(heartbeat)
}
