import type { Database, Query } from '../file/database.ts'
import type { LogState } from '../file/log-state.ts'
import { entryOf, selectEvents } from '../read/rows.ts'
import type { EventRow } from '../read/rows.ts'
import type { EventWindow } from './event-window.ts'

const newestLengths = 'SELECT seq, length FROM events WHERE seq > ? ORDER BY seq DESC LIMIT ?' as Query<{
  readonly seq: number
  readonly length: number
}>
const eventsFrom = `${selectEvents} WHERE seq >= ? ORDER BY seq` as Query<EventRow>

// How many of its events a log that is opened reads at once, and how much of them, in UTF-16 code units.
const maxLoadedEvents = 2048
const maxLoadedLength = 4_194_304

/** Fills the window with the newest events of the file, as a process that has just begun finds it. */
export function loadWindow(window: EventWindow, database: Database, state: LogState): void {
  let length = 0
  let first = state.seq + 1
  const newest = database.all(newestLengths, state.trimmed, maxLoadedEvents)
  for (const each of newest) {
    length += each.length
    if (length > maxLoadedLength) break
    first = each.seq
  }
  window.reset({ epoch: state.epoch, seq: first - 1 })
  for (const row of database.all(eventsFrom, first)) window.add(entryOf(row, state.epoch))
  window.advance({ epoch: state.epoch, seq: state.seq })
}
