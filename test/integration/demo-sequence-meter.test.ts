import { describe, expect, it } from 'vitest'
import { createSequenceMeter } from '../../apps/demo/src/page/sequence-meter.ts'
import type { SequenceMeter } from '../../apps/demo/src/page/sequence-meter.ts'

function take(meter: SequenceMeter, run: string, ...numbers: number[]): string[] {
  return numbers.map((n) => meter.take({ run, n }).kind)
}

describe("the demo's meter", () => {
  it('starts at whatever number comes first', () => {
    const meter = createSequenceMeter()
    take(meter, 'a', 41, 42, 43)
    expect(meter.counts).toEqual({ received: 3, missing: 0, repeated: 0, gaps: 0 })
  })

  it('counts skipped numbers as missing, and back when they come late', () => {
    const meter = createSequenceMeter()
    take(meter, 'a', 1, 2)
    expect(meter.take({ run: 'a', n: 6 })).toEqual({ kind: 'next', skipped: [3, 4, 5] })
    expect(meter.counts).toMatchObject({ received: 3, missing: 3 })
    expect(take(meter, 'a', 4)).toEqual(['late'])
    expect(meter.counts).toMatchObject({ received: 4, missing: 2, repeated: 0 })
  })

  it('counts a number that comes again as repeated, a late one too', () => {
    const meter = createSequenceMeter()
    expect(take(meter, 'a', 1, 2, 2, 4, 3, 3)).toEqual([
      'after-gap',
      'next',
      'repeated',
      'next',
      'late',
      'repeated',
    ])
    expect(meter.counts).toEqual({ received: 4, missing: 0, repeated: 2, gaps: 0 })
  })

  it('does not count an announced gap as a fault, in the same run and into another', () => {
    const meter = createSequenceMeter()
    take(meter, 'a', 1, 2)
    meter.announceGap()
    take(meter, 'a', 50, 51)
    meter.announceGap()
    take(meter, 'b', 1, 2)
    expect(meter.counts).toEqual({ received: 6, missing: 0, repeated: 0, gaps: 2 })
  })

  it('does not let an announced gap excuse repetitions', () => {
    const meter = createSequenceMeter()
    take(meter, 'a', 1, 2)
    meter.announceGap()
    expect(take(meter, 'a', 2, 3)).toEqual(['repeated', 'after-gap'])
  })

  it('counts events as missing when another run begins without an announced gap', () => {
    const meter = createSequenceMeter()
    take(meter, 'a', 1, 2)
    take(meter, 'b', 3)
    expect(meter.counts).toEqual({ received: 3, missing: 2, repeated: 0, gaps: 0 })
    expect(take(meter, 'b', 1)).toEqual(['late'])
  })
})
