/** How long an observation counts: after that the clocks may have drifted, or one of them been set. */
const OBSERVATION_MS = 30_000

export interface ServerClock {
  /** An event that was made at `serverAt`, by the server's clock, arrived now. */
  observe(serverAt: number): void
  /** The time on the server, as far as events tell. */
  now(): number
}

/**
 * Follows the server's clock by the events it sends: the event with the shortest way tells the difference best.
 *
 * @param localNow - Milliseconds since 1970.
 */
export function createServerClock(localNow: () => number): ServerClock {
  // The smallest differences of this half minute and the one before.
  let current = Infinity
  let previous = Infinity
  let turnAt = localNow() + OBSERVATION_MS

  const offset = (): number => {
    const best = Math.min(current, previous)
    return best === Infinity ? 0 : best
  }

  return {
    observe(serverAt) {
      const now = localNow()
      if (now >= turnAt) {
        turnAt = now + OBSERVATION_MS
        previous = current
        current = Infinity
      }
      current = Math.min(current, now - serverAt)
    },
    now: () => localNow() - offset(),
  }
}
