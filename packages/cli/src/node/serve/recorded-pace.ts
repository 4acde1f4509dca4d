import { setTimeout as sleep } from 'node:timers/promises'
import { runtime } from '../runtime.ts'

/** Waits for the time at which a line of a recording is due. */
export class RecordedPace {
  readonly #speed: number
  #start: { readonly nowMs: number; readonly atMs: number } | undefined

  /** @param speed - 0: nothing waits. */
  constructor(speed: number) {
    this.#speed = speed
  }

  /** @param line - of `sse record`: without `at`, it is due at once. */
  async until(line: string, signal: AbortSignal): Promise<void> {
    const atMs = timeOf(line)
    if (this.#speed === 0 || atMs === undefined) return
    const nowMs = runtime.now()
    this.#start ??= { nowMs, atMs }
    const dueMs = this.#start.nowMs + (atMs - this.#start.atMs) / this.#speed
    if (dueMs > nowMs) await sleep(dueMs - nowMs, undefined, { signal }).catch(() => undefined)
  }
}

function timeOf(line: string): number | undefined {
  try {
    const { at } = JSON.parse(line) as { readonly at?: unknown }
    return typeof at === 'number' && Number.isFinite(at) ? at : undefined
  } catch {
    // Publishing the line reports what is wrong with it.
    return undefined
  }
}
