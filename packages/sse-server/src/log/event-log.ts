import type { TopicPattern } from '../topics/topic-pattern.ts'
import type { Position } from '../wire-contract/event-id.ts'

/** An event as a log keeps it: all strings, so that no process sees another's objects. */
export interface LoggedEvent {
  readonly topic: string
  /** The event type. Absent: `message`. */
  readonly event?: string | undefined
  readonly data: string
  /** See `slowConsumer: 'latest'`. */
  readonly key?: string | undefined
}

/** An event in its place. */
export interface LogEntry extends LoggedEvent {
  readonly position: Position
}

/**
 * Which of its events, or batches of events, a producer appends: the idempotent producer of
 * [Durable Streams](https://github.com/durable-streams/durable-streams/blob/main/PROTOCOL.md). A log keeps a state for
 * each topic and `id`, so two topics never stand in each other's way.
 */
export interface ProducerSequence {
  readonly id: string
  /** Rises when the producer begins anew. An integer of at least 0. */
  readonly epoch: number
  /** 0 for the first in its epoch, then one more each time. A repeat has the number that it had. */
  readonly seq: number
}

/** Options of {@link EventLog.append}. */
export interface AppendOptions {
  /**
   * Whether the event is stored only while this process runs the topic: it found the topic open when it claimed it, in this
   * epoch of the log, and the topic has not ended since. A log that loses its memory loses its claims, and a job must not go
   * on there without its beginning. @defaultValue false
   */
  readonly onlyIfClaimed?: boolean | undefined
}

/** What {@link EventLog.appendBatch} did. */
export interface Appended {
  /** The position of the batch's last event. The `seq`s of a batch are consecutive. */
  readonly position: Position
  /** False for a repeat, of which nothing was stored. `position` is then that of the first time. */
  readonly stored: boolean
}

/** What processes on one log tell each other. No reader of events gets it. */
export interface ControlEntry {
  /** The next entry of the same name takes its place. */
  readonly name: string
  readonly value: string
  /** Milliseconds since it was written, by the log's clock. */
  readonly ageMs: number
}

/** Options of {@link EventLog.control}. */
export interface ControlOptions {
  /** Milliseconds for which it is kept, for processes that come later. 0: it is not kept, nor is what had its name. */
  readonly ttlMs: number
  /** Whether tails receive it, or it is only kept to be looked up. @defaultValue true */
  readonly notify?: boolean | undefined
}

/** What `read` finds. */
export interface LogPage {
  /** In order. No more than {@link maxPageLength} of data, but for a single event that is larger. */
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
  /**
   * The `seq` of its newest event, whether it is still there or not; 0 if it never had one. Of a topic whose events are gone
   * it may be too great, never too small.
   */
  readonly lastSeq: number
}

/** The most data of one page, in UTF-16 code units. */
export const maxPageLength = 262_144

/** How many events one batch may have. */
export const maxBatchEvents = 256

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
  /**
   * A control entry was written, by any process. One that is kept may be told again, to a process that may have missed it,
   * with the age that it has by then.
   */
  controlled?(entry: ControlEntry): void
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
   * Rejects with {@link TopicEndedError} if its topic has ended, and with {@link TopicFullError} if the topic is running and
   * holds as much as it may. With `onlyIfClaimed`, it rejects with {@link TopicNotClaimedError} if this process does not run
   * the topic.
   */
  append(event: LoggedEvent, options?: AppendOptions): Promise<Position>
  /**
   * Appends several events of one topic, all or none, with no other event between them; with `producer` once, however often
   * it is repeated. Of a producer's last 1024 batches a repeat finds the position of the first time, of an older one the
   * producer's latest.
   *
   * What is known of producers ends with the epoch, and is bounded by count and age. A producer that is not known begins with
   * `seq` 0.
   *
   * Rejects as `append` does, and with {@link ProducerSequenceError} for an epoch that is over, and for a number that does
   * not follow the producer's last. Nothing has been stored then, and the number is still to come.
   *
   * @param events - 1 to {@link maxBatchEvents}, of one topic.
   */
  appendBatch(events: readonly LoggedEvent[], producer?: ProducerSequence): Promise<Appended>
  /**
   * Makes an open topic `running`. Of all who claim it, in any process, one finds it open. It is to `end` it; should its
   * process die, a log that is shared tells another that the topic is `abandoned`.
   *
   * What the topic holds, and is given from now on, can be read under its name until it is expired, whatever else is
   * evicted: a reader gets it from its beginning, wherever it joins. Patterns do not reach what was evicted: their readers
   * get a gap. How much a topic may hold, and all of them together, is bounded. Where there is no room for all, those that
   * have ended expire, the oldest first.
   *
   * @returns the state that it was in.
   */
  claim(topic: string): Promise<TopicState>
  /**
   * Appends a topic's last event, and ends it. What it holds can be read until it is expired, after `ttlMs`; then it is let
   * go. There is always room for the end.
   *
   * @param before - events that come right before the last one.
   * @returns undefined if it has ended before.
   */
  end(event: LoggedEvent, ttlMs: number, before?: readonly LoggedEvent[]): Promise<Position | undefined>
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
  /** Writes a control entry, in order with the events. Resolves when it is stored. */
  control(name: string, value: string, options: ControlOptions): Promise<void>
  /** The control entries that are kept, and whose names begin with `prefix`. */
  controls(prefix: string): Promise<readonly ControlEntry[]>
  /** Tells the listener of all that is appended from now on, until the returned function is called. */
  tail(listener: LogTailListener): () => void
  /** The position of the newest event; before the first event, `seq` is 0. */
  head(): Promise<Position>
  /** What the log is at the moment, as numbers by name, for `hub.inspect()`. Absent: the log says nothing of itself. */
  stats?(): object
  /** Ends all tails and lets go of what the log holds. Afterwards `append` rejects. */
  close(): Promise<void>
}
