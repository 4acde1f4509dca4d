import { maxPageLength } from '@sse-toolkit/sse-server'
import type { LogEntry } from '@sse-toolkit/sse-server'

/** The entries of one page, up to its limits: of their number, and of the length of their data. */
export class PageBuilder {
  readonly #limit: number
  // The page that it goes on.
  readonly #before: PageBuilder | undefined
  #entries: readonly LogEntry[] = []
  #length: number
  // An entry was found that no longer belongs to it.
  #isFull = false

  /** @param before - A page that this one goes on: what it has counts. */
  constructor(limit: number, before?: PageBuilder) {
    this.#limit = before === undefined ? limit : limit - before.#entries.length
    this.#before = before
    this.#length = before === undefined ? 0 : before.#length
  }

  get entries(): readonly LogEntry[] {
    return this.#entries
  }

  /** Whether there may be more than the page holds. */
  get isFull(): boolean {
    return this.#isFull || this.#entries.length >= this.#limit
  }

  /**
   * Adds those after the position, up to `to`, as far as they fit.
   *
   * @param entries - In order.
   * @returns up to where the page has all of them.
   */
  add(entries: readonly LogEntry[], position: number, to: number): number {
    const first = indexAfter(entries, position)
    const end = indexAfter(entries, to)
    const last = this.#lastFitting(entries, first, end)
    const part = first === 0 && last === entries.length ? entries : entries.slice(first, last)
    // Readers of the same page share it.
    this.#entries = this.#entries.length === 0 ? part : [...this.#entries, ...part]
    if (last === end) return to
    this.#isFull = true
    return part.at(-1)?.position.seq ?? position
  }

  /** What this page has, after what the one before has. */
  get all(): readonly LogEntry[] {
    const before = this.#before?.entries ?? []
    return before.length === 0 ? this.#entries : [...before, ...this.#entries]
  }

  #lastFitting(entries: readonly LogEntry[], first: number, end: number): number {
    const limit = Math.min(end, first + this.#limit - this.#entries.length)
    let isFirst = this.#entries.length === 0 && (this.#before?.entries.length ?? 0) === 0
    for (let index = first; index < limit; index += 1) {
      const { length } = entries[index]?.data ?? ''
      // An event that is larger than a page fills a page by itself.
      if (!isFirst && this.#length + length > maxPageLength) return index
      isFirst = false
      this.#length += length
    }
    return limit
  }
}

/** The index of the first entry after the position. */
function indexAfter(entries: readonly LogEntry[], position: number): number {
  let [low, high] = [0, entries.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((entries[middle]?.position.seq ?? 0) <= position) low = middle + 1
    else high = middle
  }
  return low
}
