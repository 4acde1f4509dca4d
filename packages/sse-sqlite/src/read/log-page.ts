import { maxPageLength } from '@sse-toolkit/sse-server'
import type { LogEntry, LogPage } from '@sse-toolkit/sse-server'

/** What was found, cut at the limits of a page. */
export function pageOf(
  found: readonly LogEntry[],
  limit: number,
  evictedUpTo: number,
  isCut = false,
): LogPage {
  let length = 0
  let count = 0
  for (const { data } of found) {
    length += data.length
    if (count === limit || (count > 0 && length > maxPageLength)) break
    count += 1
  }
  const isWhole = count === found.length
  return { entries: isWhole ? found : found.slice(0, count), more: isCut || !isWhole, evictedUpTo }
}
