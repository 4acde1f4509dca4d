import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { clampDelay, fullJitter, standardBackoff } from '../src/reconnection/backoff.ts'
import { maxTimerMs } from '../src/runtime.ts'
import type { BackoffContext } from '../src/reconnection/backoff.ts'

const contexts = fc.record({
  failures: fc.integer({ min: 1, max: 1_000_000 }),
  minDelayMs: fc.integer({ min: 0, max: 1000 }),
  baseDelayMs: fc.integer({ min: 0, max: maxTimerMs }),
  maxDelayMs: fc.integer({ min: 1000, max: maxTimerMs }),
  chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
})

function contextOf(drawn: Partial<BackoffContext> & { chance: number }): BackoffContext {
  return {
    failures: 1,
    baseDelayMs: 1000,
    minDelayMs: 100,
    maxDelayMs: 30_000,
    ...drawn,
    random: () => drawn.chance,
  }
}

describe('full jitter', () => {
  it('full jitter stays between 0 and the maximum, whatever the base and the number of failures', () => {
    fc.assert(
      fc.property(contexts, (drawn) => {
        const delayMs = fullJitter(contextOf(drawn))
        expect(delayMs).toBeGreaterThanOrEqual(0)
        expect(delayMs).toBeLessThanOrEqual(drawn.maxDelayMs)
      }),
    )
  })

  it('full jitter doubles its range with each failure up to the maximum', () => {
    const ranges = [1, 2, 3, 4, 5, 6, 7, 5000].map((failures) =>
      Math.round(fullJitter(contextOf({ failures, chance: 1 - 2 ** -40 }))),
    )
    expect(ranges).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
  })

  it('full jitter uses the whole range evenly', () => {
    const delays = [0, 0.25, 0.5, 0.75].map((chance) => fullJitter(contextOf({ failures: 3, chance })))
    expect(delays).toEqual([0, 1000, 2000, 3000])
  })
})

describe("the standard's backoff", () => {
  it('the standard backoff is the reconnection time after the first failure, without jitter', () => {
    expect(standardBackoff(contextOf({ baseDelayMs: 3000, chance: 0.9 }))).toBe(3000)
  })

  it('the standard backoff is never shorter than the reconnection time', () => {
    fc.assert(
      fc.property(contexts, (drawn) => {
        expect(standardBackoff(contextOf(drawn))).toBeGreaterThanOrEqual(drawn.baseDelayMs)
      }),
    )
  })

  it('the standard backoff grows with further failures, up to half a minute', () => {
    const chance = 1 - 2 ** -40
    const waits = [2, 3, 10].map((failures) =>
      Math.round(standardBackoff(contextOf({ failures, baseDelayMs: 3000, maxDelayMs: maxTimerMs, chance }))),
    )
    expect(waits).toEqual([9000, 15_000, 33_000])
  })
})

describe('clamping a delay', () => {
  it('a delay is clamped to whole milliseconds within the range of a timer', () => {
    fc.assert(
      fc.property(fc.double(), fc.nat(1000), fc.integer({ min: 1000, max: 2 ** 40 }), (delayMs, min, max) => {
        const clamped = clampDelay(delayMs, { minDelayMs: min, maxDelayMs: max })
        expect(Number.isInteger(clamped)).toBe(true)
        expect(clamped).toBeGreaterThanOrEqual(min)
        expect(clamped).toBeLessThanOrEqual(Math.min(max, maxTimerMs))
      }),
    )
  })

  it.each([
    [NaN, 30_000],
    [Infinity, 30_000],
    [-Infinity, 100],
    [4_294_967_296, 30_000],
    [0, 100],
    [1234.4, 1234],
  ])('a delay of %d is clamped into 100 to 30000 as %d', (delayMs, expected) => {
    expect(clampDelay(delayMs, { minDelayMs: 100, maxDelayMs: 30_000 })).toBe(expected)
  })
})
