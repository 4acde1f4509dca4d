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
  /** Rises when the producer starts over. An integer of at least 0. */
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

/** A message between the processes on one log. Readers of events do not get it. */
export interface ControlEntry {
  /** The next entry of the same name takes its place. */
  readonly name: string
  readonly value: string
  /** Milliseconds since it was written, by the log's clock. */
  readonly ageMs: number
}

/** Options of {@link EventLog.control}. */
export interface ControlOptions {
  /** Milliseconds for which the log keeps the entry, for processes that start later. 0: the log keeps neither it nor an earlier
   * entry of its name. */
  readonly ttlMs: number
  /** Whether tails receive the entry. If not, the log only keeps it for `controls`. @defaultValue true */
  readonly notify?: boolean | undefined
}

/** What `read` finds. */
export interface LogPage {
  /** In order. No more than {@link maxPageLength} of data, but for a single event that is larger. */
  readonly entries: readonly LogEntry[]
  /** Whether there may be more: the page was cut at its limit. */
  readonly more: boolean
  /**
   * The `seq` of the newest event that the patterns match and that is no longer there; 0 if there is no such event. The
   * log may give too high a number if it is not sure, but never too low a one.
   */
  readonly evictedUpTo: number
}

/**
 * Where a topic stands on its way.
 *
 *     open --claim--> running --end--> ended --(its time is over)--> expired
 *      `--------------end--------------^
 *
 * Most topics stay open forever. An expired topic does not become open again: if "expired" looked like "not begun", a job that
 * must run once would run a second time.
 */
export type TopicState = 'open' | 'running' | 'ended' | 'expired'

export interface TopicStatus {
  readonly state: TopicState
  /** The `seq` of its last event, once it has ended. */
  readonly endSeq?: number | undefined
  /**
   * The `seq` of its newest event, whether it is still there or not; 0 if it never had one. For a topic whose events are gone
   * it may be too high, never too low.
   */
  readonly lastSeq: number
}

/** The most data of one page, in UTF-16 code units. */
export const maxPageLength = 262_144

/** How many events one batch may have. */
export const maxBatchEvents = 256

/**
 * What a tail receives. All tails receive everything in the same order: what a listener itself causes, such as an event that
 * it appends, follows after all of them have received the current one. A listener must not throw.
 */
export interface LogTailListener {
  /** An event was appended, by any process. Each one once, in order. */
  appended(entry: LogEntry): void
  /** The process that runs the topic must stop. */
  cancelled(topic: string): void
  /** The log lost its memory and goes on in another epoch, from `head`. What was appended before is gone. */
  restarted(head: Position): void
  /**
   * Events up to and including `position` were appended, but evicted before this tail received them. `read` shows which readers
   * that concerns.
   */
  skipped(position: Position): void
  /** The process that ran the topic is gone. This process, and no other, has to end the topic. */
  abandoned(topic: string): void
  /**
   * A control entry was written, by any process. A tail that may have missed a kept entry receives it again, with the age that
   * it has by then.
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
   * it is repeated. A repeat of one of the producer's last 1024 batches gets the position from the first time; a repeat of an older
   * batch gets the producer's latest position.
   *
   * The log forgets its producers with the epoch, and bounds them by count and age. An unknown producer begins with `seq` 0.
   *
   * Rejects as `append` does, and with {@link ProducerSequenceError} for an epoch that is over, and for a number that does
   * not follow the producer's last. Nothing is stored then, and the producer may use the number again.
   *
   * @param events - 1 to {@link maxBatchEvents}, of one topic.
   */
  appendBatch(events: readonly LoggedEvent[], producer?: ProducerSequence): Promise<Appended>
  /**
   * Makes an open topic `running`. If several callers claim it, in any process, one of them finds it open. That one must
   * `end` it. If its process dies, a shared log notifies another process that the topic is `abandoned`.
   *
   * Until the topic expires, all of its events can be read by its name, whatever else is evicted: a reader gets the topic from
   * its beginning, whenever it joins. Readers of patterns do not get events that were evicted; they get a gap. The bytes of one
   * such topic, and of all together, are bounded. If there is no room, ended topics expire, the oldest first.
   *
   * @returns the state that it was in.
   */
  claim(topic: string): Promise<TopicState>
  /**
   * Appends a topic's last event, and ends it. Its events can be read for another `ttlMs`; then the topic expires and the
   * log drops them. There is always room for the end.
   *
   * @param before - events that come right before the last one.
   * @returns undefined if the topic has ended before.
   */
  end(event: LoggedEvent, ttlMs: number, before?: readonly LoggedEvent[]): Promise<Position | undefined>
  /**
   * Notifies all tails, in every process, that the process which runs the topic must stop.
   *
   * @returns the state of the topic.
   */
  cancel(topic: string): Promise<TopicState>
  status(topic: string): Promise<TopicStatus>
  /**
   * The events of the topics that any of the patterns matches, after the position, oldest first.
   *
   * The page belongs to the epoch that this log's tails know. A log that finds itself in another epoch notifies them first: a
   * position means nothing in an epoch that its reader does not know.
   */
  read(patterns: readonly TopicPattern[], after: number, limit: number): Promise<LogPage>
  /** Writes a control entry, in order with the events. Resolves when it is stored. */
  control(name: string, value: string, options: ControlOptions): Promise<void>
  /** The control entries that are kept, and whose names begin with `prefix`. */
  controls(prefix: string): Promise<readonly ControlEntry[]>
  /** Notifies the listener of everything that is appended from now on, until the returned function is called. */
  tail(listener: LogTailListener): () => void
  /** The position of the newest event; before the first event, `seq` is 0. */
  head(): Promise<Position>
  /** Figures about the log, by name, for `hub.inspect()`. Absent: the log has none. */
  stats?(): object
  /** Ends all tails and releases what the log holds. Afterwards `append` rejects. */
  close(): Promise<void>
}
