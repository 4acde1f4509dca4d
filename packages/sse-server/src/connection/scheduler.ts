import { Heartbeats } from './heartbeat.ts'
import type { Runtime } from '../runtime.ts'
import { Turn } from './turn.ts'

/** What all connections on one runtime share: the turn that they write at the end of, the timers of their heartbeats. */
export interface Scheduler {
  readonly runtime: Runtime
  readonly turn: Turn
  readonly heartbeats: Heartbeats
  /** Where the first overflow of a stream has been reported: see `reportOverflow`. */
  readonly toldOfOverflow: WeakSet<object>
}

const schedulers = new WeakMap<Runtime, Scheduler>()

export function schedulerOf(runtime: Runtime): Scheduler {
  let scheduler = schedulers.get(runtime)
  if (scheduler === undefined) {
    scheduler = {
      runtime,
      turn: new Turn(runtime),
      heartbeats: new Heartbeats(runtime),
      toldOfOverflow: new WeakSet(),
    }
    schedulers.set(runtime, scheduler)
  }
  return scheduler
}
