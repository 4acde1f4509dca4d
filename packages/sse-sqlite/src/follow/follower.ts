import { LogTails } from '@sse-toolkit/sse-server'
import type { ControlEntry, LogEntry, LogTailListener, Position } from '@sse-toolkit/sse-server'
import type { EventWindow } from '../cache/event-window.ts'
import type { Database, Query } from '../file/database.ts'
import type { LogState } from '../file/log-state.ts'
import { entryOf, selectEvents } from '../read/rows.ts'
import type { EventRow } from '../read/rows.ts'
import { toldControls } from '../write/controls.ts'
import type { News, Transaction } from '../write/transaction.ts'

const eventsAfter = `${selectEvents} WHERE seq > ? ORDER BY seq LIMIT ?` as Query<EventRow>
const noticesAfter = `
  SELECT number, kind, seq, at, name, value FROM notices WHERE number > ? AND seq <= ? ORDER BY number LIMIT ?` as Query<Notice>
const oldestNotice = 'SELECT min(number) AS number FROM notices' as Query<{ readonly number: number | null }>
const lapsesAfter = `SELECT topic FROM finite WHERE state = 'expired' AND lapse > ?` as Query<{
  readonly topic: string
}>

// How many events of other processes are read in one turn.
const followStep = 1000

interface Notice {
  readonly number: number
  readonly kind: 'control' | 'cancel'
  readonly seq: number
  readonly at: number
  readonly name: string
  readonly value: string
}

/**
 * Follows the log, and tells its listeners of everything once, in order: what other processes wrote, as it is found in the
 * file, and what this one wrote, when it is stored.
 */
export class Follower {
  readonly #tails = new LogTails()
  readonly #window: EventWindow
  #position: Position
  #notices: number
  #lapses: number
  #untold: News[] = []

  constructor(window: EventWindow, state: LogState) {
    this.#window = window
    this.#position = { epoch: state.epoch, seq: state.seq }
    this.#notices = state.notices
    this.#lapses = state.lapses
  }

  /** The last event that listeners were notified of. */
  get position(): Position {
    return this.#position
  }

  /** Whether any listener would be notified of an abandoned topic. */
  get isFollowed(): boolean {
    return this.#tails.size > 0
  }

  listen(listener: LogTailListener): () => void {
    return this.#tails.add(listener)
  }

  stop(): void {
    this.#tails.clear()
  }

  /** Whether the file lacks what this process has seen of it. */
  isAheadOf({ epoch, seq }: LogState): boolean {
    return epoch === this.#position.epoch && seq < this.#position.seq
  }

  isUpToDate({ epoch, seq, notices, lapses, trimmed }: LogState): boolean {
    return (
      epoch === this.#position.epoch &&
      seq === this.#position.seq &&
      notices === this.#notices &&
      lapses === this.#lapses &&
      trimmed <= this.#window.after
    )
  }

  /** Whether what other processes wrote can be taken up within one turn. */
  isNear({ epoch, seq }: LogState): boolean {
    return epoch !== this.#position.epoch || seq - this.#position.seq < followStep
  }

  /**
   * Takes up what other processes wrote. {@link tell} says it to the listeners.
   *
   * @returns whether that was all.
   */
  follow(database: Database, state: LogState, now: number): boolean {
    if (state.epoch !== this.#position.epoch) this.#restart(state)
    if (state.lapses !== this.#lapses) this.#dropExpired(database, state)
    if (state.trimmed > this.#window.after) this.#window.dropUpTo(state.trimmed)
    const rows =
      state.seq > this.#position.seq
        ? database.all(eventsAfter, Math.max(this.#position.seq, state.trimmed), followStep)
        : []
    const isAll = rows.length < followStep
    const upTo = isAll ? state.seq : (rows.at(-1)?.seq ?? state.seq)
    const notices = state.notices > this.#notices ? this.#readNotices(database, upTo, now) : []
    let next = 0
    for (const row of rows) {
      for (; (notices[next]?.seq ?? upTo) < row.seq; next += 1) this.#takeNotice(notices[next], now)
      this.#take(entryOf(row, state.epoch))
    }
    if (this.#position.seq < upTo) this.#skipTo({ epoch: state.epoch, seq: upTo })
    for (; next < notices.length; next += 1) this.#takeNotice(notices[next], now)
    return isAll && this.#notices === state.notices
  }

  /** Takes up what this process has stored. Nothing of other processes is missing before it. */
  stored({ database, state, entries, news }: Transaction): void {
    if (state.epoch !== this.#position.epoch) this.#restart(state)
    if (state.lapses !== this.#lapses) this.#dropExpired(database, state)
    this.#notices = state.notices
    for (const entry of entries) this.#window.add(entry)
    this.#position = { epoch: state.epoch, seq: state.seq }
    this.#window.dropUpTo(state.trimmed)
    this.#untold.push(...news)
  }

  /** Tells the listeners. Not while a transaction is open: they may read. */
  tell(): void {
    if (this.#untold.length === 0) return
    const news = this.#untold
    this.#untold = []
    this.#tails.notify(...news)
  }

  cancelled(topic: string): void {
    this.#tails.notify((listener) => listener.cancelled(topic))
  }

  abandoned(topic: string): void {
    this.#tails.notifyFirst((listener) => listener.abandoned(topic))
  }

  #take(entry: LogEntry): void {
    const { epoch, seq } = entry.position
    if (seq > this.#position.seq + 1) this.#skipTo({ epoch, seq: seq - 1 })
    this.#position = entry.position
    this.#window.add(entry)
    this.#untold.push((listener) => listener.appended(entry))
  }

  /** The events up to this position are gone. */
  #skipTo(position: Position): void {
    this.#position = position
    this.#window.advance(position)
    this.#untold.push((listener) => listener.skipped(position))
  }

  #restart({ epoch, base, notices, lapses }: LogState): void {
    const position = { epoch, seq: base }
    // Another file starts counting again.
    if (notices < this.#notices) this.#notices = 0
    if (lapses < this.#lapses) this.#lapses = 0
    this.#position = position
    this.#window.reset(position)
    this.#untold.push((listener) => listener.restarted(position))
  }

  #dropExpired(database: Database, state: LogState): void {
    for (const { topic } of database.all(lapsesAfter, this.#lapses)) {
      this.#window.dropTopic(topic)
    }
    this.#lapses = state.lapses
  }

  #readNotices(database: Database, upTo: number, now: number): readonly Notice[] {
    const oldest = database.get(oldestNotice)?.number ?? 0
    // Some are gone: the kept entries are reported again, with their ages.
    if (oldest > this.#notices + 1) {
      for (const entry of toldControls(database, now)) this.#tellControl(entry)
    }
    return database.all(noticesAfter, this.#notices, upTo, followStep)
  }

  #takeNotice(notice: Notice | undefined, now: number): void {
    if (notice === undefined) return
    const { number, kind, name, value, at } = notice
    this.#notices = number
    if (kind === 'cancel') this.#untold.push((listener) => listener.cancelled(name))
    else this.#tellControl({ name, value, ageMs: Math.max(0, now - at) })
  }

  #tellControl(entry: ControlEntry): void {
    this.#untold.push((listener) => listener.controlled?.(entry))
  }
}
