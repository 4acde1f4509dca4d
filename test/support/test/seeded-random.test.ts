import { describe, expect, it } from 'vitest'
import { createSeededRandom } from '../src/index.ts'

function take(seed: number): number[] {
  const random = createSeededRandom(seed)
  return Array.from({ length: 5 }, () => random())
}

describe('seeded random numbers', () => {
  it('repeat with their seed and differ between seeds', () => {
    expect(take(7)).toEqual(take(7))
    expect(take(7)).not.toEqual(take(8))
  })

  it('are spread evenly from 0 to below 1', () => {
    const random = createSeededRandom(1)
    const buckets = Array.from({ length: 10 }, () => 0)
    for (let draw = 0; draw < 100_000; draw += 1) {
      const value = random()
      const bucket = Math.floor(value * 10)
      buckets[bucket] = (buckets[bucket] ?? 0) + 1
    }
    expect(buckets).toHaveLength(10)
    for (const count of buckets) expect(Math.abs(count - 10_000)).toBeLessThan(500)
  })

  it('make integers of a range, both ends included, and pick elements', () => {
    const random = createSeededRandom(2)
    const seen = new Set(Array.from({ length: 200 }, () => random.integer(-1, 2)))
    expect([...seen].toSorted((a, b) => a - b)).toEqual([-1, 0, 1, 2])
    expect(new Set(Array.from({ length: 50 }, () => random.pick(['x', 'y']))).size).toBe(2)
    expect(() => random.pick([])).toThrow(expect.objectContaining({ code: 'invalid-option' }))
  })
})
