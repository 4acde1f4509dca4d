import { createVirtualClock } from '@sse-toolkit/testing'
import { createSeededRandom } from '@sse-toolkit/test-support'
import type { VirtualClock } from '@sse-toolkit/testing'
import type { Runtime } from '@sse-toolkit/sse-server'
import { settled } from './test-logs.ts'

/** What its wall clock shows when it begins. */
export const beganAt: number = Date.UTC(2026, 0)

/** A runtime on virtual time. Turns of the event loop are the real ones: only they run out all microtasks. */
export function createVirtualRuntime(seed = 1): Runtime & { readonly clock: VirtualClock } {
  const clock = createVirtualClock()
  const random = createSeededRandom(seed)
  return {
    clock,
    now: () => clock.now(),
    wallClock: () => beganAt + clock.now(),
    setTimeout: (callback, delayMs) => clock.setTimeout(callback, delayMs),
    clearTimeout: (timer) => clock.clearTimeout(timer),
    endOfTurn: (callback) => void setImmediate(callback),
    random,
  }
}

/** Resolves when the current turn is over and its writes have been done. */
export async function turn(): Promise<void> {
  await settled()
  await new Promise<void>((resolve) => {
    setImmediate(() => setImmediate(resolve))
  })
}
