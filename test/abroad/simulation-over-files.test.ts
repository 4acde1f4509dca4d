import { describe, expect, it } from 'vitest'
import { mutants } from '../simulation/mutants.ts'
import { runSeed } from '../simulation/run-seed.ts'
import { search } from '../simulation/search.ts'

// The simulation over the real sqliteLog, at about ten seeds a second: `pnpm simulate --log sqlite` runs more of them.
const seeds = 60
const freshSeeds = 30
// All that is broken is found within as many, from the mutant's own seed on.
const seedsOfMutant = 30

describe('the promise over a log in a file, whose processes die at any statement', () => {
  it(`holds for seeds 1 to ${seeds}`, { timeout: 120_000 }, async () => {
    const result = await search({ from: 1, count: seeds, log: 'sqlite' })
    expect(result.found).toEqual([])
    expect(result.seeds).toBe(seeds)
  })

  it('holds for seeds that nobody has tried before', { timeout: 120_000 }, async () => {
    const from = Math.floor(Date.now() / 1000) % 2 ** 31
    // The number of a seed that fails is in the violation: `pnpm simulate --log sqlite --seed <it> --trace`.
    const { found } = await search({ from, count: freshSeeds, log: 'sqlite' })
    expect(found).toEqual([])
  })

  it('the same seed gives the same run, to the last byte and millisecond', async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const first = await runSeed(seed, { reduction: { log: 'sqlite' } })
      const second = await runSeed(seed, { reduction: { log: 'sqlite' } })
      expect({ seed, hash: second.hash, counts: second.counts }).toEqual({
        seed,
        hash: first.hash,
        counts: first.counts,
      })
    }
  })
})

describe('the check over a log in a file can fail: it is noticed when', () => {
  const ofFiles = mutants.filter(({ log }) => log === 'sqlite')
  it.each(ofFiles.map(({ breaks, name, shownBy = 1 }) => [breaks, name, shownBy] as const))(
    '%s',
    { timeout: 120_000 },
    async (_breaks, name, from) => {
      const { found } = await search({ from, count: seedsOfMutant, mutant: name, log: 'sqlite' })
      expect(found).toHaveLength(1)
    },
  )
})
