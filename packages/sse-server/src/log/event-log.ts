import type { TopicPattern } from '../hub/topic-pattern.ts'
import type { Position } from './event-id.ts'

/** An event as a log keeps it: all strings, so that no process sees another's objects. */
export interface LoggedEvent {
  readonly topic: string
  /** The event type; undefined is `message`. */
  readonly event: string | undefined
  readonly data: string
  /** See `slowConsumer: 'latest'`. */
  readonly key: string | undefined
}

/** An event in its place. */
export interface LogEntry extends LoggedEvent {
  readonly position: Position
}

/** What `read` finds. */
export interface LogPage {
  /** In order. */
  readonly entries: readonly LogEntry[]
  /** Whether there may be more: the page was cut at its limit. */
  readonly more: boolean
  /**
   * The `seq` of the newest event that the patterns match and that is no longer there; 0 if there is none. In doubt it
   * may be too great, never too small.
   */
  readonly evictedUpTo: number
}

/** What a tail is told. Must not throw. */
export interface LogTailListener {
  /** An event was appended, by any process. Each one once, in order. */
  appended(entry: LogEntry): void
  /** The log lost its memory and goes on in another epoch, from `head`. What was appended before is gone. */
  restarted(head: Position): void
}

/**
 * Where a hub's events are kept, in one order over all topics. One hub, or many processes on a shared log.
 *
 * What every implementation keeps to is written as tests: `@sse-toolkit/sse-server/event-log-contract`.
 */
export interface EventLog {
  /** Resolves when the event is stored, which is before any tail hears of it. */
  append(event: LoggedEvent): Promise<Position>
  /** The events of the topics that any of the patterns matches, after the position, oldest first. */
  read(patterns: readonly TopicPattern[], after: number, limit: number): Promise<LogPage>
  /** Tells the listener of all that is appended from now on, until the returned function is called. */
  tail(listener: LogTailListener): () => void
  /** The position of the newest event; before the first event, `seq` is 0. */
  head(): Promise<Position>
  /** Ends all tails and lets go of what the log holds. Afterwards `append` rejects. */
  close(): Promise<void>
}
