import { OptionError } from '@sse-toolkit/testing'

/** Stands in for `Math.random`: the same seed gives the same numbers, on every machine. */
export interface SeededRandom {
  /** At least 0, below 1. */
  (): number
  /** An integer from `min` to `max`, both included. */
  integer(min: number, max: number): number
  /** One of `items`, which must not be empty. */
  pick<T>(items: readonly T[]): T
}

/**
 * Creates the generator sfc32 (Chris Doty-Humphrey, PractRand).
 *
 * @param seed - An integer of 32 bits.
 */
export function createSeededRandom(seed: number): SeededRandom {
  if (!Number.isSafeInteger(seed)) throw new OptionError('seed', seed, 'an integer')
  let a = 0x9e3779b9
  let b = 0x243f6a88
  let c = seed | 0
  let counter = 1

  function nextWord(): number {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return sum >>> 0
  }
  // Seeds that differ in one bit give unrelated numbers only after the state is mixed.
  for (let round = 0; round < 16; round += 1) nextWord()

  const random = (): number => nextWord() / 2 ** 32
  return Object.assign(random, {
    integer: (min: number, max: number) => min + Math.floor(random() * (max - min + 1)),
    pick<T>(items: readonly T[]): T {
      if (items.length === 0) throw new OptionError('items', '[]', 'at least one item')
      return items[Math.floor(random() * items.length)] as T
    },
  })
}
