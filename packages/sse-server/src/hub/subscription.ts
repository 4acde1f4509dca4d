import type { ByteSink } from '../connection/byte-sink.ts'
import type { ConnectionSettings } from '../connection/connection-options.ts'
import { eventFrame } from '../connection/frame.ts'
import type { Frame } from '../connection/frame.ts'
import { FrameQueue } from '../connection/frame-queue.ts'
import type { CloseReason, FrameQueueOwner } from '../connection/frame-queue.ts'
import type { EventLog, LogEntry } from '../log/event-log.ts'
import { Pace } from '../pace.ts'
import type { TopicPattern } from '../topics/topic-pattern.ts'
import { formatEventId } from '../wire-contract/event-id.ts'
import type { Position } from '../wire-contract/event-id.ts'
import { firstBlock } from '../wire-contract/first-block.ts'
import { gapEvent, isEndType, isFailureType } from '../wire-contract/reserved-events.ts'
import type { Gap } from '../wire-contract/reserved-events.ts'
import { Expiry } from './expiry.ts'
import { applyFilter } from './filter.ts'
import { beginReplay, opening, pageSize, stepReplay } from './replay.ts'
import type { ReplayState, ReplayStep } from './replay.ts'
import type { SubscriptionTerms } from './subscription-terms.ts'

/** What all subscriptions of a hub share. */
export interface SubscriptionHost {
  readonly settings: ConnectionSettings
  readonly log: EventLog
  /** The newest place in the log that the hub knows of. */
  readonly head: Position
  /** The frame of an entry, made once for all subscriptions; null if it cannot be formatted. */
  frameOf(entry: LogEntry): Frame | null
  opened(subscription: Subscription): void
  closed(subscription: Subscription, reason: CloseReason): void
  /** Counts what is sent. */
  delivered(frame: Frame, replayed: boolean): void
  gapAnnounced(): void
  /** Reports an error of a kind that each event or connection may repeat. */
  readonly reportOnce: (what: string, error: Error) => void
}

/** One connection to the hub: carries out what `replay.ts` decides, and sends each event that is newer than the last. */
export class Subscription implements FrameQueueOwner {
  readonly openedAt: number
  readonly queue: FrameQueue
  readonly #host: SubscriptionHost
  readonly #terms: SubscriptionTerms
  readonly #expiry: Expiry | null
  #replay: ReplayState = opening
  // Of the last event that was sent, filtered out, or had before.
  #position: Position
  #held: LogEntry[] | null = null
  // What was read of the log, and is still to be sent from `next` on.
  #page: { readonly entries: readonly LogEntry[]; next: number } | null = null
  // While it replays: with a filter that lets nothing pass, nothing else would make it wait.
  #pace: Pace | null = null
  #room: PromiseWithResolvers<void> | null = null

  constructor(sink: ByteSink, host: SubscriptionHost, terms: SubscriptionTerms) {
    const { settings } = host
    const { start, access } = terms
    const { runtime } = settings.scheduler
    this.#host = host
    this.#terms = terms
    this.openedAt = runtime.now()
    this.#position = start.position
    this.queue = new FrameQueue(sink, settings, this)
    host.opened(this)
    this.#expiry = Expiry.of(access.expiresAt, runtime, () => this.queue.close('expired'))
    // A gap brings its own place with it: a client that is cut between the two must still get the gap.
    const block = firstBlock(settings, start.gap === undefined ? formatEventId(start.position) : undefined)
    this.queue.push(eventFrame(block))
    this.#carryOut(beginReplay(start, this.#head))
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

  /** What was read of the log, or is held, and has still to be sent. */
  get replayBytes(): number {
    const page = this.#page?.entries.slice(this.#page.next) ?? []
    return [...page, ...(this.#held ?? [])].reduce((bytes, { data }) => bytes + data.length, 0)
  }

  deliver(entry: LogEntry): void {
    if (this.#replay.phase === 'live') this.#send(entry, false)
    else this.#carryOut(stepReplay(this.#replay, { type: 'appended', entry }))
  }

  /** Events passed by unannounced. */
  readAgain(): void {
    this.#carryOut(stepReplay(this.#replay, { type: 'skipped', position: this.#position }))
  }

  /** The log goes on in another epoch. */
  restart(head: Position): void {
    this.#carryOut(stepReplay(this.#replay, { type: 'restarted', position: this.#position, head }))
  }

  drained(): void {
    this.#room?.resolve()
    this.#room = null
  }

  closed(reason: CloseReason): void {
    this.drained()
    this.#expiry?.stop()
    this.#held = null
    this.#page = null
    this.#host.closed(this, reason)
  }

  #carryOut({ state, effects }: ReplayStep): void {
    this.#replay = state
    if (state.phase === 'live') this.#pace = null
    for (const effect of effects) {
      switch (effect.type) {
        case 'read':
          this.#held = null
          this.#pace ??= new Pace(this.#host.settings.scheduler.runtime)
          this.#report(this.#read())
          break
        case 'send-page':
          this.#report(this.#sendPage(effect.entries))
          break
        case 'hold':
          this.#held ??= []
          this.#held.push(effect.entry)
          break
        case 'drop-held':
          this.#held = null
          break
        case 'release':
          this.#release()
          break
        case 'check-ends':
          this.#report(this.#closeIfExpired())
          break
        case 'move':
          this.#position = effect.position
          break
        case 'announce':
          this.#announce(effect.gap, effect.position)
          break
      }
    }
  }

  #report(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#host.settings.onError(error)
      this.queue.close('error')
    })
  }

  async #read(): Promise<void> {
    const page = await this.#host.log.read(this.patterns, this.#position.seq, pageSize)
    // The reader may have gone beside the read.
    if (!this.queue.isOpen) return
    this.#carryOut(
      stepReplay(this.#replay, { type: 'page', page, position: this.#position, head: this.#head }),
    )
  }

  async #sendPage(entries: readonly LogEntry[]): Promise<void> {
    const page = { entries, next: 0 }
    this.#page = page
    for (const entry of entries) {
      const share = this.#pace?.step()
      if (share !== undefined) await share
      if (this.queue.isBlocked) {
        this.#carryOut(stepReplay(this.#replay, { type: 'blocked' }))
        this.#room = Promise.withResolvers()
        await this.#room.promise
      }
      if (!this.queue.isOpen) return
      page.next += 1
      this.#send(entry, true)
    }
    this.#page = null
    this.#carryOut(stepReplay(this.#replay, { type: 'page-sent', position: this.#position }))
  }

  #release(): void {
    // Not live before all of them are sent: what a filter publishes meanwhile is held behind the others, and sent too.
    for (const entry of this.#held ?? []) this.#send(entry, false)
    this.#held = null
    this.#carryOut(stepReplay(this.#replay, { type: 'held-sent', position: this.#position }))
  }

  /** The newest place that is known: the hub may be notified later than the log was asked. */
  get #head(): Position {
    const { head } = this.#terms.start
    const known = this.#host.head
    return known.epoch === head.epoch && known.seq > head.seq ? known : head
  }

  #send(entry: LogEntry, replayed: boolean): void {
    const { position } = entry
    // Another epoch: it comes late, from before a restart, or was read from a log whose restart the hub does not know yet.
    if (position.epoch !== this.#position.epoch || position.seq <= this.#position.seq) return
    if (this.#expiry?.isOver === true) {
      this.queue.close('expired')
      return
    }
    this.#position = position
    if (isEndType(entry.event)) {
      this.#endTopic(entry)
      return
    }
    const { filter, wireContract } = this.#terms
    if (isFailureType(entry.event) && wireContract === 'ids-only') return
    if (filter !== undefined && !this.#passes(entry, filter)) return
    const frame = this.#host.frameOf(entry)
    if (frame !== null && this.queue.push(frame)) this.#host.delivered(frame, replayed)
  }

  #passes(entry: LogEntry, filter: NonNullable<SubscriptionTerms['filter']>): boolean {
    // A reader that is about to leave can have no more events, and its filter is not asked about them.
    if (!this.queue.isOpen) return false
    const { settings, reportOnce } = this.#host
    const passes = applyFilter(filter, entry, { onError: settings.onError, reportOnce })
    if (passes === 'failed') this.queue.close('error')
    return passes === true
  }

  /** The reader gets the end when all of its topics have ended: then there is nothing more to come. */
  #endTopic(entry: LogEntry): void {
    const { unendedTopics, wireContract } = this.#terms
    if (!unendedTopics.endBy(entry)) return
    const frame = this.#host.frameOf(entry)
    if (frame !== null && wireContract === 'full') this.queue.push(frame)
    this.queue.close('server')
  }

  async #closeIfExpired(): Promise<void> {
    // The client returns, and is answered 410.
    if (await this.#terms.unendedTopics.haveExpired(this.#host.log)) this.queue.close('server')
  }

  #announce(gap: Gap, position: Position): void {
    this.#position = position
    this.#host.gapAnnounced()
    // The place is given in any case: a reader that resumes must not resume from where the gap began.
    const id = formatEventId(position)
    const block = this.#terms.wireContract === 'full' ? gapEvent(gap, id) : { id }
    // A key of its own: it takes the place of nothing else that waits.
    this.queue.push(eventFrame(block, `gap ${id}`))
  }
}
