import { describe, expect, it } from 'vitest'
import { createLedger } from '../src/index.ts'
import type { Ledger } from '../src/index.ts'

function give(ledger: Ledger, reader: string, ...seqs: number[]): void {
  for (const seq of seqs) ledger.received(reader, 't', seq)
}

describe('a complete ledger', () => {
  it('passes when every reader has everything once and in order', () => {
    const ledger = createLedger()
    give(ledger, 'a', 1, 2, 3)
    give(ledger, 'b', 1, 2, 3)
    expect(() => ledger.expectComplete({ topic: 't', first: 1, last: 3 })).not.toThrow()
  })

  it('expects what was published, and nothing between', () => {
    const ledger = createLedger()
    for (const seq of [3, 7, 8]) ledger.published('t', seq)
    give(ledger, 'a', 3, 7, 8)
    ledger.expectComplete({ topic: 't' })
    expect(ledger.report('a', { topic: 't' })).toMatchObject({ received: 3, missing: [], unexpected: [] })
  })

  it('expects a part of what was published when told so', () => {
    const ledger = createLedger()
    for (let seq = 1; seq <= 10; seq += 1) ledger.published('t', seq)
    give(ledger, 'late', 8, 9, 10)
    ledger.expectComplete({ topic: 't', first: 8 })
    expect(() => ledger.expectComplete({ topic: 't' })).toThrow('missing 1-7')
  })
})

describe('an incomplete ledger says', () => {
  it('what is missing, at the beginning, between and at the end', () => {
    const ledger = createLedger()
    give(ledger, 'a', 3, 4, 8)
    expect(() => ledger.expectComplete({ topic: 't', first: 1, last: 10 })).toThrow(
      '1 of 1 readers of t did not receive exactly 1-10:\n  a: received 3; missing 1-2, 5-7, 9-10',
    )
  })

  it('what is repeated', () => {
    const ledger = createLedger()
    give(ledger, 'a', 1, 2, 2, 1, 3)
    expect(() => ledger.expectComplete({ topic: 't', first: 1, last: 3 })).toThrow(
      'a: received 3; repeated 2, 1',
    )
  })

  it('what is out of order', () => {
    const ledger = createLedger()
    give(ledger, 'a', 1, 3, 2, 4)
    expect(() => ledger.expectComplete({ topic: 't', first: 1, last: 4 })).toThrow('out of order 2 after 3')
  })

  it('what nobody published', () => {
    const ledger = createLedger()
    for (const seq of [1, 2]) ledger.published('t', seq)
    give(ledger, 'a', 1, 2, 3)
    expect(() => ledger.expectComplete({ topic: 't' })).toThrow('unexpected 3')
  })

  it('that a named reader got nothing at all', () => {
    const ledger = createLedger()
    give(ledger, 'a', 1)
    expect(() => ledger.expectComplete({ topic: 't', first: 1, last: 1, readers: ['a', 'silent'] })).toThrow(
      /^1 of 2 readers.*\n {2}silent: received 0; missing 1$/,
    )
  })

  it('that there is no reader, instead of passing', () => {
    expect(() => createLedger().expectComplete({ topic: 't', first: 1, last: 1 })).toThrow(
      'No reader received an event of t.',
    )
  })

  it('which readers failed, and describes the first ten', () => {
    const ledger = createLedger()
    for (let index = 0; index < 13; index += 1) give(ledger, `r${index}`, 2)
    give(ledger, 'good', 1, 2)
    const attempt = (): void => ledger.expectComplete({ topic: 't', first: 1, last: 2 })
    expect(attempt).toThrow(/^13 of 14 readers[^]*r9: received 1; missing 1\n {2}and 3 more$/)
    expect(attempt).toThrow(expect.objectContaining({ code: 'ledger-incomplete' }))
  })

  it('that nothing is expected', () => {
    expect(() => createLedger().report('a', { topic: 't' })).toThrow(
      expect.objectContaining({ code: 'invalid-option' }),
    )
  })
})

describe('an announced gap', () => {
  it('excuses what is missing in it only when the expectation allows', () => {
    const ledger = createLedger()
    give(ledger, 'a', 1, 2, 6)
    ledger.announcedGap('a', 't', { after: 2, before: 6 })
    ledger.expectComplete({ topic: 't', first: 1, last: 6, announcedGaps: 'allowed' })
    expect(() => ledger.expectComplete({ topic: 't', first: 1, last: 6 })).toThrow(
      'lost in announced gaps 3-5',
    )
    expect(ledger.report('a', { topic: 't', first: 1, last: 6 })).toMatchObject({
      missing: [],
      announced: [{ from: 3, to: 5 }],
      gaps: 1,
    })
  })

  it('does not excuse what is missing beside it, or at another reader', () => {
    const ledger = createLedger()
    give(ledger, 'a', 1, 6)
    give(ledger, 'b', 1, 6)
    ledger.announcedGap('a', 't', { after: 2, before: 6 })
    const attempt = (): void =>
      ledger.expectComplete({ topic: 't', first: 1, last: 6, announcedGaps: 'allowed' })
    expect(attempt).toThrow('a: received 2; missing 2')
    expect(attempt).toThrow('b: received 2; missing 2-5')
  })
})

it('keeps a sequence without holes as one range, whatever the order it came in', () => {
  const ledger = createLedger()
  for (let seq = 2; seq <= 100_000; seq += 2) ledger.received('a', 't', seq)
  for (let seq = 1; seq <= 999; seq += 2) ledger.received('a', 't', seq)
  const { received, missing } = ledger.report('a', { topic: 't', first: 1, last: 1_000 })
  expect(received).toBe(50_500)
  expect(missing).toEqual([])
})
