import type { Runtime } from '../runtime.ts'

/** The beats in one interval: how finely silence is measured. */
export const beatsPerInterval = 15

/** The longest silence before a heartbeat: the interval, and the one beat in which the last write came. 0 means no heartbeat. */
export function longestSilenceMs(intervalMs: number): number {
  return Math.ceil((intervalMs * (beatsPerInterval + 1)) / beatsPerInterval)
}

/** A connection that counts the beats since it last wrote. `beat` must not throw. */
export interface Beating {
  beat(): void
}

/**
 * The timers of all heartbeats: one for each interval in use, however many connections keep it.
 *
 * It beats fifteen times an interval. A connection that has been silent for the sixteenth time writes its heartbeat: between
 * the interval and 1.07 times the interval after its last write. A write costs the connection no more than setting its
 * count to zero.
 */
export class Heartbeats {
  readonly #runtime: Runtime
  readonly #groups = new Map<number, { readonly members: Set<Beating>; timer: unknown }>()

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  add(intervalMs: number, member: Beating): void {
    let group = this.#groups.get(intervalMs)
    if (group === undefined) {
      group = { members: new Set(), timer: this.#schedule(intervalMs) }
      this.#groups.set(intervalMs, group)
    }
    group.members.add(member)
  }

  delete(intervalMs: number, member: Beating): void {
    const group = this.#groups.get(intervalMs)
    if (group === undefined || !group.members.delete(member) || group.members.size > 0) return
    this.#runtime.clearTimeout(group.timer)
    this.#groups.delete(intervalMs)
  }

  #schedule(intervalMs: number): unknown {
    return this.#runtime.setTimeout(() => {
      const group = this.#groups.get(intervalMs)
      if (group === undefined) return
      group.timer = this.#schedule(intervalMs)
      for (const member of group.members) member.beat()
    }, intervalMs / beatsPerInterval)
  }
}
