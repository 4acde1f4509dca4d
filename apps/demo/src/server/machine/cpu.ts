import type { CpuInfo } from 'node:os'
import type { CpuSample } from '../../samples.ts'
import type { Reading } from './reading.ts'

interface CoreTimes {
  total: number
  idle: number
}

/** @param readCpus - `os.cpus`: milliseconds each core spent in each state since it started. */
export function createCpuReader(readCpus: () => readonly CpuInfo[]): () => Reading<CpuSample> {
  let last: readonly CoreTimes[] | undefined
  return () => {
    const times = readCpus().map((core) => ({
      total: Object.values(core.times).reduce((sum, time) => sum + time, 0),
      idle: core.times.idle,
    }))
    if (times.length === 0)
      return { unavailable: 'The operating system does not tell how busy its cores are.' }
    const previous = last
    last = times
    // A core that came or went moves the others' places in the list.
    if (previous?.length !== times.length) return undefined
    return {
      busy: times.map(({ total, idle }, core) => {
        const before = previous[core] ?? { total: 0, idle: 0 }
        const elapsed = total - before.total
        // The kernel counts in ticks of 10 ms: between two looks that are too close, nothing may have been counted.
        return elapsed <= 0 ? 0 : Math.min(1, Math.max(0, 1 - (idle - before.idle) / elapsed))
      }),
    }
  }
}
