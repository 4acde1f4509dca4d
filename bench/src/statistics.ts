/** The middle of the values; of an even number of them, the mean of the two in the middle. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)]
  const lower = sorted[Math.ceil(sorted.length / 2) - 1]
  if (upper === undefined || lower === undefined) throw new RangeError('There is no median of nothing')
  return (lower + upper) / 2
}

/** The middle and the ends. */
export interface Summary {
  readonly median: number
  readonly least: number
  readonly greatest: number
}

export function summarize(values: readonly number[]): Summary {
  return { median: median(values), least: Math.min(...values), greatest: Math.max(...values) }
}

/**
 * How one series compares to another that was measured in turns with it: the median of the ratios of each round. What
 * disturbs the machine for some seconds disturbs both sides of a round's ratio, and so falls out of it.
 *
 * @returns undefined if no round has both.
 */
export function medianRatio(
  values: readonly (number | undefined)[],
  baseline: readonly (number | undefined)[],
): number | undefined {
  const ratios = values.flatMap((value, round) => {
    const base = baseline[round]
    return value === undefined || base === undefined ? [] : [value / base]
  })
  return ratios.length === 0 ? undefined : median(ratios)
}
