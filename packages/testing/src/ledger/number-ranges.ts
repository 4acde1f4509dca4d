/** Inclusive on both ends. */
export interface NumberRange {
  from: number
  to: number
}

/**
 * A set of integers as disjoint ranges in ascending order: a sequence without holes costs one entry, however long.
 */
export interface NumberRanges {
  readonly ranges: readonly NumberRange[]
  /** How many integers it holds. */
  readonly size: number
  has(value: number): boolean
  add(range: NumberRange): void
}

export function createNumberRanges(): NumberRanges {
  const ranges: NumberRange[] = []

  /** The first range that ends at or above `value`. */
  function indexFor(value: number): number {
    let low = 0
    let high = ranges.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((ranges[middle]?.to ?? Infinity) < value) low = middle + 1
      else high = middle
    }
    return low
  }

  return {
    ranges,
    get size() {
      return ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0)
    },
    has(value) {
      const range = ranges[indexFor(value)]
      return range !== undefined && range.from <= value
    },
    add({ from, to }) {
      const last = ranges.at(-1)
      // The usual case, a sequence that arrives in order, needs no search.
      if (last === undefined || from > last.to + 1) {
        ranges.push({ from, to })
        return
      }
      if (from === last.to + 1) {
        last.to = to
        return
      }
      // All ranges that overlap or touch the new one melt into it.
      const start = indexFor(from - 1)
      let end = start
      const merged = { from, to }
      for (; end < ranges.length; end += 1) {
        const range = ranges[end]
        if (range === undefined || range.from > to + 1) break
        merged.from = Math.min(merged.from, range.from)
        merged.to = Math.max(merged.to, range.to)
      }
      ranges.splice(start, end - start, merged)
    },
  }
}

/** `1-3, 7, 9-12`; at most `limit` ranges, then how many more. */
export function formatRanges(ranges: readonly NumberRange[], limit = 12): string {
  const shown = ranges.slice(0, limit).map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`))
  const hidden = ranges.length - shown.length
  return hidden > 0 ? `${shown.join(', ')} and ${hidden} more ranges` : shown.join(', ')
}
