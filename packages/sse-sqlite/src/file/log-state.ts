import type { Database, Query } from './database.ts'

/** What a log knows about itself: the one row of `meta`, written with every transaction. */
export interface LogState {
  epoch: string
  /** The `seq` after which the epoch began. */
  base: number
  /** The `seq` of the newest event. */
  seq: number
  /** Up to where `places` is filled. At least `trimmed`. */
  indexed: number
  /** The `seq` of the newest event that was trimmed. */
  trimmed: number
  /** The `seq` of the newest event that is gone for anybody: trimmed, or of a topic whose time is over. */
  evicted: number
  /** Topics without a mark may have lost events up to here. */
  forgotten: number
  /** No event that may still be read is older than this time. */
  oldest: number
  /** How many events were trimmed and are not deleted yet, and the length of their data. */
  undeleted: number
  undeletedLength: number
  /** How many rows `gone` has. */
  marks: number
  /** How many events may be read, without those that are only held. */
  events: number
  /** The length of their data, in UTF-16 code units. */
  length: number
  /** What running and ended topics hold. */
  heldBytes: number
  /** How many rows `finite` has, and how many of them are of topics whose time is over. */
  finite: number
  expired: number
  /** How many topics whose time is over still have events in the file. */
  unswept: number
  /** How many topics' time was over so far. */
  lapses: number
  /** The number of the newest notice. */
  notices: number
  /** How many rows `controls` and `producers` have. */
  controls: number
  producers: number
  /** The log's time, in milliseconds since 1970. It never goes back. */
  clock: number
  /** The boot of the machine in which it was written last. */
  boot: string
  /** Which file this is: a copy knows by it that it is one. */
  file: string
  /** Whether all of it had reached the disk when it was written. */
  isSynced: number
}

const newState: LogState = {
  epoch: '',
  base: 0,
  seq: 0,
  indexed: 0,
  trimmed: 0,
  evicted: 0,
  forgotten: 0,
  oldest: 0,
  undeleted: 0,
  undeletedLength: 0,
  marks: 0,
  events: 0,
  length: 0,
  heldBytes: 0,
  finite: 0,
  expired: 0,
  unswept: 0,
  lapses: 0,
  notices: 0,
  controls: 0,
  producers: 0,
  clock: 0,
  boot: '',
  file: '',
  isSynced: 0,
}

const columns = Object.keys(newState) as readonly (keyof LogState)[]
const selectState = `SELECT ${columns.join(', ')} FROM meta` as Query<LogState>
const updateState = `UPDATE meta SET ${columns.map((column) => `${column} = ?`).join(', ')}`
const insertState = `INSERT INTO meta (id, ${columns.join(', ')}) VALUES (1${', ?'.repeat(columns.length)})`

/** @returns undefined if the file has just been created. */
export function readState(database: Database): LogState | undefined {
  const row = database.get(selectState)
  // Rows have no prototype, and are slower to read than a literal.
  return row === undefined ? undefined : { ...newState, ...row }
}

export function createState(database: Database): LogState {
  const state = { ...newState }
  database.run(insertState, ...columns.map((column) => state[column]))
  return state
}

export function saveState(database: Database, state: LogState): void {
  database.run(updateState, ...columns.map((column) => state[column]))
}
