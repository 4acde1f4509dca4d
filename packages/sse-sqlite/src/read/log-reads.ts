import { maxPageLength } from '@sse-toolkit/sse-server'
import type { LogEntry, LogPage, TopicPattern, TopicStatus } from '@sse-toolkit/sse-server'
import type { EventWindow } from '../cache/event-window.ts'
import type { Database, Query } from '../file/database.ts'
import type { LogFile } from '../file/log-file.ts'
import type { LogState } from '../file/log-state.ts'
import type { Settings } from '../options.ts'
import { stateOf } from '../write/finite-topics.ts'
import { evictedUpTo, lastSeqIn, recordOf } from './eviction.ts'
import { pageOf } from './log-page.ts'
import { readNames } from './name-read.ts'
import type { Found } from './name-read.ts'
import { entryOf, selectEvents } from './rows.ts'
import type { EventRow } from './rows.ts'
import { TopicsAsked } from './topics-asked.ts'

const topicsAfter = 'SELECT seq, topic FROM events WHERE seq > ? ORDER BY seq LIMIT ?' as Query<
  Pick<EventRow, 'seq' | 'topic'>
>
const eventAt = `${selectEvents} WHERE seq = ?` as Query<EventRow>
const unsweptTopics = `SELECT topic FROM finite WHERE state = 'expired' AND isSwept = 0` as Query<{
  readonly topic: string
}>

// At how many events a reader of patterns looks before it lets the event loop turn.
const scanStep = 256

/** A part of the log, with those of its events that match. */
interface Scanned {
  readonly matching: readonly LogEntry[]
  /** Up to where it was looked at. */
  readonly upTo: number
}

/** Reads pages: from the window where it reaches, else from the file. */
export class LogReads {
  readonly #file: LogFile
  readonly #window: EventWindow
  readonly #settings: Settings

  constructor(file: LogFile, window: EventWindow, settings: Settings) {
    this.#file = file
    this.#window = window
    this.#settings = settings
  }

  /** See `EventLog.read`. What other processes wrote has been taken up before. */
  async read(patterns: readonly TopicPattern[], after: number, limit: number): Promise<LogPage> {
    const asked = new TopicsAsked(patterns)
    if (!asked.hasWildcards) return this.#readByNames(asked, after, limit)
    return this.#readByPatterns(asked, after, limit)
  }

  status(topic: string): TopicStatus {
    return this.#reading((database, state, now) => {
      const record = recordOf(database, state, topic)
      const its = stateOf(record, now)
      const endSeq = its === 'ended' ? (record?.endSeq ?? undefined) : undefined
      return { state: its, endSeq, lastSeq: Math.max(lastSeqIn(database, state, topic), record?.endSeq ?? 0) }
    })
  }

  #reading<T>(read: (database: Database, state: LogState, now: number) => T): T {
    const { database } = this.#file
    return database.reading(() => read(database, this.#file.state(), this.#file.now()))
  }

  #readByNames(asked: TopicsAsked, after: number, limit: number): LogPage {
    const state = this.#file.lastState
    if (after >= this.#window.after && after >= state.evicted && state.finite === state.expired) {
      return pageOf(this.#window.readNames(asked.names, after, limit + 1), limit, 0)
    }
    return this.#reading((database, current, now) => {
      const gone = evictedUpTo(database, current, asked, after, now)
      const names = livingNames(database, current, asked.names, now)
      if (after >= this.#window.after && this.#isKnown(current)) {
        return pageOf(this.#window.readNames(names, after, limit + 1), limit, gone)
      }
      const { entries, isCut } = readNames(database, current, names, after, limit)
      return pageOf(entries, limit, gone, isCut)
    })
  }

  /** Whether the window has all that the file has. */
  #isKnown(state: LogState): boolean {
    return this.#window.head.epoch === state.epoch && this.#window.head.seq === state.seq
  }

  async #readByPatterns(asked: TopicsAsked, after: number, limit: number): Promise<LogPage> {
    const begin = this.#reading((database, state, now) => ({
      epoch: state.epoch,
      newest: Math.min(state.seq, this.#window.head.seq),
      trimmed: state.trimmed,
      gone: evictedUpTo(database, state, asked, after, now),
      held: this.#readHeld(database, state, asked, after, limit, now),
    }))
    const found: LogEntry[] = [...begin.held.entries]
    if (begin.held.isCut || found.length > limit) return pageOf(found, limit, begin.gone, begin.held.isCut)
    let last = Math.max(after, begin.trimmed)
    let length = found.reduce((sum, { data }) => sum + data.length, 0)
    // Events that are appended during the read are announced to tails. To read them as well might never end.
    while (last < begin.newest && found.length <= limit && length <= maxPageLength) {
      const scanned = this.#scan(asked, last, limit + 1 - found.length)
      for (const entry of scanned.matching) {
        found.push(entry)
        length += entry.data.length
      }
      last = scanned.upTo
      if (last >= begin.newest || found.length > limit) break
      await this.#endOfTurn()
      const state = this.#file.state()
      // What was trimmed before it was looked at is the next page's to tell of, or this one's if it is empty.
      if (state.epoch !== begin.epoch || state.trimmed > last) {
        const lost = found.length > 0 ? begin.gone : this.#goneSince(asked, last)
        return pageOf(found, limit, lost, true)
      }
    }
    return pageOf(found, limit, begin.gone)
  }

  #goneSince(asked: TopicsAsked, after: number): number {
    return this.#reading((database, state, now) => evictedUpTo(database, state, asked, after, now))
  }

  /** All that is only held is older than all that is stored. */
  #readHeld(
    database: Database,
    state: LogState,
    asked: TopicsAsked,
    after: number,
    limit: number,
    now: number,
  ): Found {
    if (after >= state.trimmed || state.finite === state.expired) return { entries: [], isCut: false }
    const names = livingNames(database, state, asked.names, now)
    return readNames(database, state, names, after, limit, true)
  }

  #scan(asked: TopicsAsked, after: number, limit: number): Scanned {
    if (after >= this.#window.after) {
      const part = this.#window.slice(after, scanStep)
      const matching = part.filter((entry) => asked.matches(entry.topic) && !this.#window.isDropped(entry))
      return cutAt(
        matching,
        limit,
        part.length < scanStep ? this.#window.head.seq : part.at(-1)?.position.seq,
      )
    }
    return this.#reading((database, state) => {
      const rows = database.all(topicsAfter, after, scanStep)
      const expired = expiredTopics(database, state)
      const matching: LogEntry[] = []
      let length = 0
      for (const { seq, topic } of rows) {
        if (!asked.matches(topic) || expired.has(topic)) continue
        const row = database.get(eventAt, seq)
        if (row === undefined) continue
        matching.push(entryOf(row, state.epoch))
        length += row.data.length
        if (matching.length >= limit || length > maxPageLength) return { matching, upTo: seq }
      }
      return { matching, upTo: rows.length < scanStep ? state.seq : (rows.at(-1)?.seq ?? state.seq) }
    })
  }

  #endOfTurn(): Promise<void> {
    return new Promise((resolve) => {
      this.#settings.runtime.endOfTurn(resolve)
    })
  }
}

function cutAt(matching: readonly LogEntry[], limit: number, upTo = 0): Scanned {
  const last = matching[limit - 1]
  return last === undefined
    ? { matching, upTo }
    : { matching: matching.slice(0, limit), upTo: last.position.seq }
}

/** Those whose time is not over. */
function livingNames(
  database: Database,
  state: LogState,
  names: readonly string[],
  now: number,
): readonly string[] {
  if (state.finite === 0) return names
  return names.filter((name) => stateOf(recordOf(database, state, name), now) !== 'expired')
}

/** Topics whose time is over, and whose events have not been deleted yet. */
function expiredTopics(database: Database, state: LogState): ReadonlySet<string> {
  if (state.unswept === 0) return new Set()
  return new Set(database.all(unsweptTopics).map(({ topic }) => topic))
}
