import { callListener } from '../callbacks.ts'
import type { ByteSink } from '../connection/byte-sink.ts'
import { eventFrame } from '../connection/frame.ts'
import type { Frame } from '../connection/frame.ts'
import { FrameQueue } from '../connection/frame-queue.ts'
import type { CloseReason, Ending, FrameQueueOwner } from '../connection/frame-queue.ts'
import type { LogEntry } from '../log/event-log.ts'
import { Pace } from '../pace.ts'
import type { TopicPattern } from '../topics/topic-pattern.ts'
import { formatEventId } from '../wire-contract/event-id.ts'
import type { Position } from '../wire-contract/event-id.ts'
import { firstBlock } from '../wire-contract/first-block.ts'
import { isEndType } from '../wire-contract/reserved-events.ts'
import type { EndReason, Gap } from '../wire-contract/reserved-events.ts'
import { Expiry } from './expiry.ts'
import { applyFilter, viewOf } from './filter.ts'
import { sendFirstEvents } from './first-events.ts'
import { beginReplay, opening, pageSize, stepReplay } from './replay.ts'
import type { ReplayState, ReplayStep } from './replay.ts'
import { gapOf } from './start.ts'
import type { SubscriptionHost } from './subscription-host.ts'
import type { SubscriptionTerms } from './subscription-terms.ts'

/** One connection to the hub: carries out what `replay.ts` decides, and sends each event that is newer than the last. */
export class Subscription implements FrameQueueOwner {
  readonly openedAt: number
  readonly queue: FrameQueue
  readonly #host: SubscriptionHost<Subscription>
  readonly #terms: SubscriptionTerms
  readonly #expiry: Expiry | null
  #replay: ReplayState = opening
  // The position of the last event that was sent, filtered out, or already known to the client.
  #position: Position
  #held: LogEntry[] | null = null
  // What was read of the log, and is still to be sent from `next` on.
  #page: { readonly entries: readonly LogEntry[]; next: number } | null = null
  // While it replays: with a filter that lets nothing pass, nothing else would make it wait.
  #pace: Pace | null = null
  #room: PromiseWithResolvers<void> | null = null
  // While what comes first is made.
  #first: AbortController | null = null
  #isEnding = false

  constructor(sink: ByteSink, host: SubscriptionHost<Subscription>, terms: SubscriptionTerms) {
    const { settings, start, access } = terms
    const { runtime } = settings.scheduler
    this.#host = host
    this.#terms = terms
    this.openedAt = runtime.now()
    this.#position = start.position
    this.queue = new FrameQueue(sink, settings, this)
    host.opened(this)
    this.#expiry = Expiry.of(access.expiresAt, runtime, () => this.endEarly('expired'))
    const isFirst = terms.first !== undefined && start.isFromPosition !== true
    // A gap brings its own place with it: a client that is cut between the two must still get the gap. So does what comes first.
    const position = start.gap === undefined && !isFirst ? formatEventId(start.position) : undefined
    if (settings.wireContract !== 'off') this.queue.push(eventFrame(firstBlock(settings, position)))
    if (isFirst) this.#sendFirst(gapOf(start))
    else this.#carryOut(beginReplay(start, this.#head))
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

  /** Whether it may be sent blocks without data. */
  get hasFirstBlock(): boolean {
    return this.#terms.settings.wireContract !== 'off'
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

  /**
   * Ends the stream before its topics have ended. A stream that may go on forever ends cleanly, as any connection does, and its
   * reader comes back. A stream of finite topics is broken off: a clean end would mean that this was all.
   *
   * @param isRevoked - whether what waits is withheld.
   * @returns false if it is ending already.
   */
  endEarly(reason: CloseReason, isRevoked = false): boolean {
    if (!this.queue.isOpen || this.#isEnding) return false
    this.#isEnding = true
    const end = (ending: Ending): void => {
      if (isRevoked) this.queue.revoke(reason, ending)
      else this.queue.close(reason, ending)
    }
    const { unendedTopics } = this.#terms
    if (unendedTopics.areFinite !== undefined) end(unendedTopics.areFinite ? 'cut' : 'close')
    else
      unendedTopics.haveBegun(this.#host.log).then(
        (begun) => end(begun ? 'cut' : 'close'),
        () => end('cut'),
      )
    return true
  }

  stopping(): void {
    this.endEarly('drain')
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
    this.#first?.abort()
    const { onClose, settings } = this.#terms
    this.#host.closed(this, reason)
    if (onClose !== undefined) callListener(() => onClose(reason), settings.onError)
  }

  #carryOut({ state, effects }: ReplayStep): void {
    this.#replay = state
    if (state.phase === 'live') this.#pace = null
    for (const effect of effects) {
      switch (effect.type) {
        case 'read':
          this.#held = null
          this.#pace ??= new Pace(this.#terms.settings.scheduler.runtime)
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
          if (this.#announce(effect.gap, effect.position)) break
          // The first events are made again, and take the place of the rest.
          return
      }
    }
  }

  #report(work: Promise<void>): void {
    work.catch((error: unknown) => this.#fail(error))
  }

  async #read(): Promise<void> {
    const page = await this.#host.log.read(this.patterns, this.#position.seq, pageSize)
    // The reader may have left during the read.
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
        await this.#hasRoom()
      }
      if (!this.queue.isOpen) return
      page.next += 1
      this.#send(entry, true)
    }
    this.#page = null
    this.#carryOut(stepReplay(this.#replay, { type: 'page-sent', position: this.#position }))
  }

  /** Sends what comes before the events of the topics, and then these from the newest position that is known now. */
  #sendFirst(gap?: Gap): void {
    const position = this.#newest(this.#position)
    this.#first = new AbortController()
    this.#position = position
    this.#replay = opening
    this.#held = null
    this.#report(this.#writeFirst(position, this.#first.signal, gap))
  }

  async #writeFirst(position: Position, signal: AbortSignal, gap: Gap | undefined): Promise<void> {
    const { queue } = this
    const { first, rendering, settings } = this.#terms
    if (first === undefined) return
    const frame = gap === undefined ? null : rendering.gap(gap, undefined)
    if (frame !== null) queue.push(frame)
    const id = formatEventId(position)
    const target = { queue, settings, signal, hasRoom: () => this.#hasRoom() }
    if (!(await sendFirstEvents(first, id, target))) return
    const { head } = this.#host
    if (head.epoch !== position.epoch && head.epoch !== '') {
      // It was made in an epoch that is over.
      this.#position = { epoch: head.epoch, seq: 0 }
      this.#sendFirst()
      return
    }
    if (settings.wireContract !== 'off') queue.push(eventFrame({ id }))
    this.#carryOut(beginReplay({ position, head: position }, this.#newest(position)))
  }

  #release(): void {
    // Not live before all of them are sent: what a filter publishes in the meantime is held behind the others, and sent too.
    for (const entry of this.#held ?? []) this.#send(entry, false)
    this.#held = null
    this.#carryOut(stepReplay(this.#replay, { type: 'held-sent', position: this.#position }))
  }

  /** Resolves when the output has room, or the connection is gone. */
  async #hasRoom(): Promise<void> {
    if (!this.queue.isBlocked) return
    this.#room ??= Promise.withResolvers()
    await this.#room.promise
  }

  /** The newest place that is known: the hub may be notified later than the log was asked. */
  get #head(): Position {
    return this.#newest(this.#terms.start.head)
  }

  #newest(head: Position): Position {
    const known = this.#host.head
    return known.epoch === head.epoch && known.seq > head.seq ? known : head
  }

  #send(entry: LogEntry, replayed: boolean): void {
    const { position } = entry
    // Another epoch: it comes late, from before a restart, or was read from a log whose restart the hub does not know yet.
    if (position.epoch !== this.#position.epoch || position.seq <= this.#position.seq) return
    if (this.#expiry?.isOver === true) {
      this.endEarly('expired')
      return
    }
    if (this.#isEnding) return
    this.#position = position
    if (isEndType(entry.event)) {
      this.#endTopic(entry)
      return
    }
    const { filter, rendering } = this.#terms
    if (filter !== undefined && !this.#passes(entry, filter)) return
    let frame: Frame | null
    try {
      frame = rendering.event(entry)
    } catch (error) {
      this.#fail(error)
      return
    }
    if (frame !== null && this.queue.push(frame)) this.#host.delivered(frame, replayed)
  }

  #fail(error: unknown): void {
    this.#terms.settings.onError(error)
    this.endEarly('error')
  }

  #passes(entry: LogEntry, filter: NonNullable<SubscriptionTerms['filter']>): boolean {
    // A reader that is about to leave can have no more events, and its filter is not asked about them.
    if (!this.queue.isOpen) return false
    const { onError } = this.#terms.settings
    const passes = applyFilter(filter, viewOf(entry), { onError, reportOnce: this.#host.reportOnce })
    if (passes === 'failed') this.endEarly('error')
    return passes === true
  }

  /** The reader gets the end when all of its topics have ended: then there is nothing more to come. */
  #endTopic(entry: LogEntry): void {
    const { unendedTopics } = this.#terms
    if (unendedTopics.endBy(entry)) this.#sayEnd(entry, entry.topic, unendedTopics.reason)
  }

  async #closeIfExpired(): Promise<void> {
    const { unendedTopics } = this.#terms
    const [topic] = await unendedTopics.expired(this.#host.log)
    if (topic !== undefined) this.#sayEnd(undefined, topic, unendedTopics.reason)
  }

  /** Sends the last event of the stream, or breaks it off if the reader could not know otherwise that it is not whole. */
  #sayEnd(entry: LogEntry | undefined, topic: string, reason: EndReason): void {
    try {
      const { frame, isTold } = this.#terms.rendering.end(entry, topic, reason)
      if (frame !== null) this.queue.push(frame)
      this.queue.close('server', isTold ? 'close' : 'cut')
    } catch (error) {
      this.#fail(error)
    }
  }

  /** @returns false if the first events are made again, from where the gap ends. */
  #announce(gap: Gap, position: Position): boolean {
    this.#position = position
    this.#host.gapAnnounced()
    if (this.#terms.first !== undefined) {
      this.#sendFirst(gap)
      return false
    }
    try {
      // The place is given in any case: a reader that resumes must not resume from where the gap began.
      const frame = this.#terms.rendering.gap(gap, formatEventId(position))
      if (frame !== null) this.queue.push(frame)
    } catch (error) {
      this.#fail(error)
    }
    return true
  }
}
