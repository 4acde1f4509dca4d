import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { EventLoopSample } from '../samples.ts'

/** The monitor is a timer that fires this often and notes how long it really took. */
const RESOLUTION_MS = 10
const NANOSECONDS_PER_MS = 1e6

export interface EventLoopReader {
  read(): Omit<EventLoopSample, 'at'>
  stop(): void
}

export function createEventLoopReader(): EventLoopReader {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  let utilizationBefore = performance.eventLoopUtilization()

  /** What is over the timer's own interval; an empty histogram answers NaN or nonsense, which is no delay. */
  const lateMs = (nanoseconds: number): number =>
    delay.count === 0 ? 0 : Math.max(0, nanoseconds / NANOSECONDS_PER_MS - RESOLUTION_MS)

  return {
    read() {
      const utilizationNow = performance.eventLoopUtilization()
      const { utilization } = performance.eventLoopUtilization(utilizationNow, utilizationBefore)
      utilizationBefore = utilizationNow
      const sample = { medianMs: lateMs(delay.percentile(50)), worstMs: lateMs(delay.max), utilization }
      delay.reset()
      return sample
    },
    stop() {
      delay.disable()
    },
  }
}
