import type { TopicPattern } from '../topics/topic-pattern.ts'
import type { Position } from '../wire-contract/event-id.ts'

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

/**
 * Where a topic stands on its way.
 *
 *     open --claim--> running --end--> ended --(its time is over)--> expired
 *      `--------------end--------------^
 *
 * Most topics are open for ever. An expired one is not open again: who takes "expired" for "not begun" would begin a
 * second time what was to be done once.
 */
export type TopicState = 'open' | 'running' | 'ended' | 'expired'

export interface TopicStatus {
  readonly state: TopicState
  /** The `seq` of its last event, once it has ended. */
  readonly endSeq?: number | undefined
}

/**
 * What the log tells a tail. All tails are told everything in one order: what a listener itself causes, such as an event
 * that it appends, is told after all of them know of the one at hand. A listener must not throw.
 */
export interface LogTailListener {
  /** An event was appended, by any process. Each one once, in order. */
  appended(entry: LogEntry): void
  /** Whoever runs the topic is to stop. */
  cancelled(topic: string): void
  /** The log lost its memory and goes on in another epoch, from `head`. What was appended before is gone. */
  restarted(head: Position): void
  /**
   * Events up to and including `position` were appended, and cannot be told of any more: they were evicted before they
   * were heard of. `read` says to whom that matters.
   */
  skipped(position: Position): void
  /** Whoever ran the topic is gone, and it falls to this process, and to no other, to end it. */
  abandoned(topic: string): void
}

/**
 * Where a hub's events are kept, in one order over all topics. One hub, or many processes on a shared log.
 *
 * What every implementation keeps to is written as tests: `@sse-toolkit/sse-server/event-log-contract`.
 *
 * Every log has the same topics, those that {@link checkTopic} accepts. Each method that takes another name rejects with
 * {@link TopicError}.
 */
export interface EventLog {
  /**
   * Resolves when the event is stored, which is before any tail is notified of it.
   *
   * Rejects with {@link TopicEndedError} if its topic has ended.
   */
  append(event: LoggedEvent): Promise<Position>
  /**
   * Makes an open topic `running`. Of all who claim it, in any process, one finds it open. It is to `end` it; should its
   * process die, a log that is shared tells another that the topic is `abandoned`.
   *
   * @returns the state that it was in.
   */
  claim(topic: string): Promise<TopicState>
  /**
   * Appends a topic's last event, and ends it. That event can be read until the topic is expired, after `ttlMs`, whatever
   * else is evicted: whoever reads the topic must come to its end. Then what the topic holds is let go.
   *
   * @returns undefined if it has ended before.
   */
  end(event: LoggedEvent, ttlMs: number): Promise<Position | undefined>
  /**
   * Tells all tails, in every process, that a running topic is to be stopped.
   *
   * @returns the state that it is in.
   */
  cancel(topic: string): Promise<TopicState>
  status(topic: string): Promise<TopicStatus>
  /**
   * The events of the topics that any of the patterns matches, after the position, oldest first.
   *
   * The page is of the epoch that this log's tails have been told of. A log that finds itself in another one tells them
   * first: a position means nothing in an epoch that its reader does not know of.
   */
  read(patterns: readonly TopicPattern[], after: number, limit: number): Promise<LogPage>
  /** Tells the listener of all that is appended from now on, until the returned function is called. */
  tail(listener: LogTailListener): () => void
  /** The position of the newest event; before the first event, `seq` is 0. */
  head(): Promise<Position>
  /** Ends all tails and lets go of what the log holds. Afterwards `append` rejects. */
  close(): Promise<void>
}
