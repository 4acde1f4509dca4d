import { maxPageLength } from './event-log.ts'
import type { LogEntry, LogPage } from './event-log.ts'

/** What was found, cut at the limits of a page. */
export function pageOf(found: readonly LogEntry[], limit: number, evictedUpTo: number): LogPage {
  let length = 0
  let count = 0
  for (const { data } of found) {
    length += data.length
    if (count === limit || (count > 0 && length > maxPageLength)) break
    count += 1
  }
  return { entries: found.slice(0, count), more: found.length > count, evictedUpTo }
}
