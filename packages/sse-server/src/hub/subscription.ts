import type { ByteSink } from '../connection/byte-sink.ts'
import { isThenable } from '../callbacks.ts'
import { OptionError } from '../errors/option-error.ts'
import { FrameQueue, type CloseReason, type FrameQueueOwner } from '../connection/frame-queue.ts'
import { eventFrame, type Frame } from '../connection/frame.ts'
import { gapFrame, type GapReason } from '../wire-contract/gap.ts'
import { formatEventId, type Position } from '../wire-contract/event-id.ts'
import type { EventLog, LogEntry, LogPage } from '../log/event-log.ts'
import { primingFrame, type ConnectionSettings } from '../connection/stream-options.ts'
import type { Access } from './access.ts'
import type { HubEventView } from './hub-options.ts'
import type { Start } from './start.ts'
import type { TopicPattern } from '../topics/topic-pattern.ts'

/** What all subscriptions of a hub share. */
export interface SubscriptionHost {
  readonly settings: ConnectionSettings
  readonly log: EventLog
  /** The newest place in the log that the hub has heard of. */
  readonly head: Position
  /** The frame of an entry, made once for all subscriptions; null if it cannot be formatted. */
  frameOf(entry: LogEntry): Frame | null
  opened(subscription: Subscription): void
  closed(subscription: Subscription, reason: CloseReason): void
  /** Counts what is sent. */
  delivered(frame: Frame, replayed: boolean): void
  gapAnnounced(): void
  /** Reports an error of a kind that each event or connection may repeat. */
  reportOnce(what: string, error: Error): void
}

/** What one subscription is. */
export interface SubscriptionTerms {
  readonly patterns: readonly TopicPattern[]
  readonly start: Start
  readonly filter: ((event: HubEventView) => boolean) | undefined
  readonly access: Access
  readonly announcements: 'send' | 'omit'
  /** The topics that have not ended; undefined if there may always come more, as with patterns. */
  readonly unendedTopics: Set<string> | undefined
}

// How many events are read from the log at once, and how many new ones may come in beside such a read.
const replayPageSize = 256

// What expires later is looked at again in a day; a timer takes no more than 25 days.
const longestTimerMs = 86_400_000

/**
 * One connection to the hub.
 *
 *     replaying: read after position -> send -> (wait for room) -> read ...        new events are not queued: the next
 *                                                                                  read finds them in the log
 *       the last read: events that arrive beside it are held                       then sent after it, if newer
 *     live:      each event that arrives is sent, if newer than the position
 *
 * So nothing is missed between replay and live, nothing comes twice, and what waits in memory is bounded by what arrives
 * during one read, however long the replay and however slow the reader.
 */
export class Subscription implements FrameQueueOwner {
  readonly openedAt: number
  readonly queue: FrameQueue
  readonly #host: SubscriptionHost
  readonly #terms: SubscriptionTerms
  // Of the last event that was sent, filtered out, or had before.
  #position: Position
  #live: boolean
  #held: LogEntry[] | null = null
  #room: PromiseWithResolvers<void> | null = null
  // Why it could not go on after what it had or asked for: it is told with the next page of the log.
  #gap: Start['gap']
  // Whether what was evicted before its first page is nothing that it misses.
  #fromEarliest: boolean
  // Up to where the reader has been told that events are gone.
  #toldGoneUpTo = 0
  #expiryTimer: unknown = undefined

  constructor(sink: ByteSink, host: SubscriptionHost, terms: SubscriptionTerms) {
    const { settings } = host
    const { start } = terms
    this.#host = host
    this.#terms = terms
    this.openedAt = settings.scheduler.runtime.now()
    this.#position = start.position
    this.#gap = start.gap
    this.#fromEarliest = start.fromEarliest === true
    this.queue = new FrameQueue(sink, settings, this)
    host.opened(this)
    this.#startExpiryTimer()
    // Where there is a gap to tell of, the place is given with it: a client cut between the two must still be told.
    const priming = primingFrame(
      settings,
      start.gap === undefined ? formatEventId(start.position) : undefined,
    )
    if (priming !== null) this.queue.push(priming)
    // What was appended until now, and has been told already, is only in the log.
    this.#live = start.position.seq >= this.#head.seq
    if (!this.#live) void this.#replay()
    else {
      this.#fromEarliest = false
      this.#announcePendingGap(null)
    }
  }

  get patterns(): readonly TopicPattern[] {
    return this.#terms.patterns
  }

  get identity(): string | undefined {
    return this.#terms.access.identity
  }

  get position(): Position {
    return this.#position
  }

  /** An event was appended. */
  deliver(entry: LogEntry): void {
    if (this.#live) this.#send(entry, false)
    else if (this.#held !== null && this.#held.push(entry) > replayPageSize) this.#held = null
  }

  /** Events passed by untold. What of them is meant for this reader, and what of that is gone, the log knows. */
  readAgain(): void {
    // A replay that is under way may have read before them: it is to read once more.
    this.#held = null
    if (!this.#live) return
    this.#live = false
    void this.#replay()
  }

  /** The log goes on in another epoch. What was appended to it until the hub was told is only in the log. */
  restart(head: Position): void {
    const { epoch, seq } = this.#position
    if (head.epoch === epoch) {
      // It was looked up after the log had restarted, and before the hub was told.
      if (head.seq > seq) this.readAgain()
      return
    }
    this.#gap ??= { reason: 'epoch', requested: formatEventId(this.#position) }
    this.#position = { epoch: head.epoch, seq: 0 }
    this.#toldGoneUpTo = 0
    if (head.seq > 0 || !this.#live) this.readAgain()
    else this.#announcePendingGap(null)
  }

  drained(): void {
    this.#room?.resolve()
    this.#room = null
  }

  closed(reason: CloseReason): void {
    this.drained()
    this.#host.settings.scheduler.runtime.clearTimeout(this.#expiryTimer)
    this.#held = null
    this.#host.closed(this, reason)
  }

  async #replay(): Promise<void> {
    const { log, settings } = this.#host
    const { patterns } = this.#terms
    try {
      while (this.queue.isOpen && !this.#live) {
        const { epoch } = this.#position
        this.#held = []
        const page = await log.read(patterns, this.#position.seq, replayPageSize)
        // The reader may have gone beside the read. And a page of another epoch than the position's says nothing: the log
        // has restarted.
        if (!this.queue.isOpen || this.#position.epoch !== epoch) continue
        if (this.#announcePendingGap(page) || this.#fromEarliest) this.#toldGoneUpTo = page.evictedUpTo
        else if (page.evictedUpTo > Math.max(this.#position.seq, this.#toldGoneUpTo))
          this.#announceEviction(page)
        this.#fromEarliest = false
        for (const entry of page.entries) {
          if (this.queue.isBlocked && !(await this.#waitForRoom())) return
          this.#send(entry, true)
        }
        if (page.more || this.#held === null) continue
        // Not live before all of them are sent: what a filter publishes meanwhile is held behind the others, and sent too.
        for (const entry of this.#held) this.#send(entry, false)
        if (this.#held === null) continue
        this.#held = null
        this.#live = true
        if (page.evictedUpTo > 0) await this.#closeIfExpired()
      }
    } catch (error) {
      settings.onError(error)
      this.queue.close('error')
    }
  }

  async #waitForRoom(): Promise<boolean> {
    // It may take long: what arrives meanwhile is not kept here, but read from the log afterwards.
    this.#held = null
    this.#room = Promise.withResolvers()
    await this.#room.promise
    return this.queue.isOpen
  }

  /** The newest place in the log that is known: the hub may hear of what is appended later than the log was asked. */
  get #head(): Position {
    const { head } = this.#terms.start
    const heard = this.#host.head
    return heard.epoch === head.epoch && heard.seq > head.seq ? heard : head
  }

  #send(entry: LogEntry, replayed: boolean): void {
    const { position } = entry
    // Of another epoch is what comes late, from before a restart that this reader came after; or what was read from a
    // log that has restarted, and the hub is about to be told, with where to go on from.
    if (position.epoch !== this.#position.epoch || position.seq <= this.#position.seq) return
    if (this.#isExpired()) {
      this.queue.close('expired')
      return
    }
    this.#position = position
    if (entry.event === 'stream.end') {
      this.#endTopic(entry)
      return
    }
    if (entry.event === 'stream.error' && this.#terms.announcements === 'omit') return
    const { filter } = this.#terms
    if (filter !== undefined && !this.#passes(entry, filter)) return
    const frame = this.#host.frameOf(entry)
    if (frame !== null && this.queue.push(frame)) this.#host.delivered(frame, replayed)
  }

  /** Only `true` lets an event through: what is truthy may be a mistake, such as the promise of an async filter. */
  #passes(entry: LogEntry, filter: NonNullable<SubscriptionTerms['filter']>): boolean {
    // A reader that is about to leave is still told of events, and can have no more of them.
    if (!this.queue.isOpen) return false
    const { onError } = this.#host.settings
    let answer: unknown
    try {
      answer = filter(viewOf(entry))
    } catch (error) {
      onError(error)
      this.queue.close('error')
      return false
    }
    if (typeof answer === 'boolean') return answer
    const error = new OptionError('filter', answer, 'a function that returns true or false')
    if (isThenable(answer)) {
      // It would come too late: the events after this one are not kept for it.
      void answer.then(undefined, onError)
      onError(error)
      this.queue.close('error')
    } else this.#host.reportOnce('filter', error)
    return false
  }

  /** The reader is told of the end when all of its topics have ended: then there is nothing more to come. */
  #endTopic(entry: LogEntry): void {
    const { unendedTopics } = this.#terms
    if (unendedTopics === undefined) return
    unendedTopics.delete(entry.topic)
    if (unendedTopics.size > 0) return
    const frame = this.#host.frameOf(entry)
    if (frame !== null && this.#terms.announcements === 'send') this.queue.push(frame)
    this.queue.close('server')
  }

  /** Topics whose time was over before the reader came to their end have none to come to any more. */
  async #closeIfExpired(): Promise<void> {
    const { unendedTopics } = this.#terms
    if (unendedTopics === undefined) return
    const statuses = await Promise.all([...unendedTopics].map((topic) => this.#host.log.status(topic)))
    // The client returns, and is answered 410.
    if (statuses.every(({ state }) => state === 'expired')) this.queue.close('server')
  }

  #isExpired(): boolean {
    const { access } = this.#terms
    // Asked at each event, and not left to the timer: the wall clock may have jumped.
    return (
      access.expiresAt !== Number.POSITIVE_INFINITY &&
      access.expiresAt <= this.#host.settings.scheduler.runtime.wallClock()
    )
  }

  #startExpiryTimer(): void {
    const { access } = this.#terms
    if (access.expiresAt === Number.POSITIVE_INFINITY) return
    const { runtime } = this.#host.settings.scheduler
    const leftMs = access.expiresAt - runtime.wallClock()
    this.#expiryTimer = runtime.setTimeout(
      () => {
        if (this.#isExpired()) this.queue.close('expired')
        else this.#startExpiryTimer()
      },
      Math.min(Math.max(leftMs, 0), longestTimerMs),
    )
  }

  /** @returns whether there was one. */
  #announcePendingGap(page: LogPage | null): boolean {
    const gap = this.#gap
    if (gap === undefined) return false
    this.#gap = undefined
    this.#announceGap(gap.reason, gap.requested, page, this.#position)
    return true
  }

  /** The reader's place becomes the newest one before which nothing more can be had. */
  #announceEviction(page: LogPage): void {
    const { epoch, seq } = this.#position
    const { entries, evictedUpTo } = page
    const before = Math.min(evictedUpTo, (entries[0]?.position.seq ?? Number.POSITIVE_INFINITY) - 1)
    const position = { epoch, seq: Math.max(seq, before) }
    this.#announceGap('evicted', formatEventId(this.#position), page, position)
    this.#toldGoneUpTo = evictedUpTo
    this.#position = position
  }

  #announceGap(reason: GapReason, requested: string, page: LogPage | null, position: Position): void {
    const { epoch } = position
    const first = page?.entries[0]
    const head = this.#head
    // The log may be further than the hub has heard.
    const latest = Math.max(
      position.seq,
      head.epoch === epoch ? head.seq : 0,
      page?.evictedUpTo ?? 0,
      page?.entries.at(-1)?.position.seq ?? 0,
    )
    const gap = {
      reason,
      requested,
      earliest: first === undefined ? null : formatEventId(first.position),
      latest: formatEventId({ epoch, seq: latest }),
    }
    this.#host.gapAnnounced()
    const id = formatEventId(position)
    // The place is told in any case: what is resumed from must not be where the gap began.
    this.queue.push(this.#terms.announcements === 'send' ? gapFrame(gap, id) : eventFrame({ id }))
  }
}

function viewOf(entry: LogEntry): HubEventView {
  return {
    topic: entry.topic,
    event: entry.event ?? 'message',
    data: entry.data,
    id: formatEventId(entry.position),
  }
}
