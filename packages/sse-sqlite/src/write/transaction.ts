import type { LogEntry, LoggedEvent, LogTailListener } from '@sse-toolkit/sse-server'
import type { Database, Query } from '../file/database.ts'
import type { LogState } from '../file/log-state.ts'
import type { Settings } from '../options.ts'

/** What a listener receives once the transaction is over. */
export type News = (listener: LogTailListener) => void

/** A row of `finite`, but for what only single statements need. */
export interface FiniteRecord {
  readonly topic: string
  state: 'running' | 'ended' | 'expired'
  owner: string | null
  isCancelled: number
  /** The `seq` of its newest event that was gone before it was held. */
  readonly lost: number
  /** What it holds. */
  bytes: number
  endSeq: number | null
  /** When its time is over. */
  due: number | null
}

export const selectFinite = `
  SELECT topic, state, owner, isCancelled, lost, bytes, endSeq, due FROM finite WHERE topic = ?` as Query<FiniteRecord>
const insertEvent =
  'INSERT INTO events (seq, topic, at, length, event, key, data) VALUES (?, ?, ?, ?, ?, ?, ?)'
const insertNotice = 'INSERT INTO notices (number, kind, seq, at, name, value) VALUES (?, ?, ?, ?, ?, ?)'
const deleteNotices = 'DELETE FROM notices WHERE number <= ?'
const saveBytes = 'UPDATE finite SET bytes = ? WHERE topic = ?'

// How many notices are kept. A process that misses more looks the state up.
const maxNotices = 4096

/** One turn's writes, all or none of them. Notifications and caching wait until the writes are stored. */
export class Transaction {
  readonly database: Database
  readonly settings: Settings
  /** Written when the transaction ends. */
  readonly state: LogState
  /** The log's time. */
  readonly now: number
  /** This process, as an owner of topics. */
  readonly owner: string
  readonly news: News[] = []
  readonly entries: LogEntry[] = []
  readonly #records = new Map<string, FiniteRecord | undefined>()
  readonly #changedBytes = new Set<FiniteRecord>()

  constructor(database: Database, settings: Settings, state: LogState, now: number, owner: string) {
    this.database = database
    this.settings = settings
    this.state = state
    this.now = now
    this.owner = owner
    state.clock = now
  }

  /** What is known of a topic that was claimed or ended. An ended one whose time is over may still be called ended. */
  recordOf(topic: string): FiniteRecord | undefined {
    if (this.state.finite === 0) return undefined
    if (!this.#records.has(topic)) this.#records.set(topic, this.database.get(selectFinite, topic))
    return this.#records.get(topic)
  }

  /** The row was written, with what it holds. */
  forgetRecord(topic: string): void {
    const record = this.#records.get(topic)
    if (record !== undefined) this.#changedBytes.delete(record)
    this.#records.delete(topic)
  }

  countHeld(record: FiniteRecord, bytes: number): void {
    record.bytes += bytes
    this.state.heldBytes += bytes
    this.#changedBytes.add(record)
  }

  store({ topic, event, data, key }: LoggedEvent): LogEntry {
    const { state } = this
    const seq = state.seq + 1
    this.database.run(insertEvent, seq, topic, this.now, data.length, event ?? null, key ?? null, data)
    state.seq = seq
    state.events += 1
    state.length += data.length
    const entry: LogEntry = { topic, event, data, key, position: { epoch: state.epoch, seq } }
    this.entries.push(entry)
    this.news.push((listener) => listener.appended(entry))
    return entry
  }

  /** Tells the tails of other processes; the caller sees to those of this one. */
  notice(kind: 'control' | 'cancel', name: string, value: string): void {
    const { state } = this
    state.notices += 1
    this.database.run(insertNotice, state.notices, kind, state.seq, this.now, name, value)
    this.database.run(deleteNotices, state.notices - maxNotices)
  }

  /** Before the transaction is committed. */
  finish(): void {
    for (const { bytes, topic } of this.#changedBytes) this.database.run(saveBytes, bytes, topic)
    this.#changedBytes.clear()
  }
}
