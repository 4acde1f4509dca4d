import type { ProcessFigures } from '../../load/load-figures.ts'

/** This process's CPU time since the last look, as a share of one core, and its memory now. */
export function createProcessReader(now: () => number): () => ProcessFigures {
  let lastAt = now()
  let last = process.cpuUsage()
  return () => {
    const at = now()
    const { user, system } = process.cpuUsage(last)
    const elapsedMs = Math.max(1, at - lastAt)
    last = process.cpuUsage()
    lastAt = at
    return { cpu: (user + system) / 1_000 / elapsedMs, residentBytes: process.memoryUsage.rss() }
  }
}
