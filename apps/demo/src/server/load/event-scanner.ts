/** The wire form of the load's events: a line with a unique beginning. */
const MARK = 'data: {"at":'
/** No event of the load is longer. A longer line is not one of them. */
const MAX_PENDING_LENGTH = 4_096

/**
 * Finds the events of one connection in what its socket gives, by less than a parser would cost: thousands of clients
 * share one core here.
 *
 * @param onEvent - With the time at which the event was published.
 */
export function createEventScanner(onEvent: (publishedAtMs: number) => void): (text: string) => void {
  let pending = ''
  return (text) => {
    const all = pending + text
    let begin = 0
    for (;;) {
      const at = all.indexOf(MARK, begin)
      const end = at === -1 ? -1 : all.indexOf('}\n\n', at)
      if (end === -1) break
      onEvent(Number(all.slice(at + MARK.length, end)))
      begin = end
    }
    pending = all.slice(Math.max(begin, all.length - MAX_PENDING_LENGTH))
  }
}
