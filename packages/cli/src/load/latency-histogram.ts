/** Percentiles of any number of latencies in a fixed space, each within five per cent. */
export interface LatencyHistogram {
  add(latencyMs: number): void
  /** @returns 0 if there are none. */
  percentile(share: number): number
  /**
   * How many are below each limit, and not below the one before; and, last, how many are not below the last one.
   *
   * @param limitsMs - ascending. What is within five per cent of a limit may be counted on its other side.
   */
  countsBetween(limitsMs: readonly number[]): number[]
  clear(): void
}

const growth = 1.05
const smallestMs = 0.01
/** 0.01 ms to more than five minutes. */
const buckets = 360

/** Buckets whose bounds grow by five per cent each. */
export function createLatencyHistogram(): LatencyHistogram {
  const counts = new Uint32Array(buckets)
  let total = 0
  return {
    add(latencyMs) {
      // A clock that was set back makes no latency below nothing.
      const steps = Math.log(Math.max(latencyMs, smallestMs) / smallestMs) / Math.log(growth)
      const bucket = Math.min(buckets - 1, Math.round(steps))
      counts[bucket] = (counts[bucket] ?? 0) + 1
      total += 1
    },
    percentile(share) {
      if (total === 0) return 0
      let rest = Math.max(1, Math.ceil(total * share))
      const bucket = counts.findIndex((count) => (rest -= count) <= 0)
      return smallestMs * growth ** bucket
    },
    countsBetween(limitsMs) {
      const classes = Array.from({ length: limitsMs.length + 1 }, () => 0)
      for (const [bucket, count] of counts.entries()) {
        if (count === 0) continue
        const latencyMs = smallestMs * growth ** bucket
        const index = limitsMs.findIndex((limitMs) => latencyMs < limitMs)
        const at = index === -1 ? limitsMs.length : index
        classes[at] = (classes[at] ?? 0) + count
      }
      return classes
    },
    clear() {
      counts.fill(0)
      total = 0
    },
  }
}
