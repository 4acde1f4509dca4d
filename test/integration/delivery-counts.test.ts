import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Counts } from './programs/count-deliveries.ts'

const program = fileURLToPath(new URL('programs/count-deliveries.ts', import.meta.url))

/**
 * What speed is made of, in numbers that no busy machine changes: `pnpm bench` measures the speed itself. The limits are a
 * little above what it is. Who needs more has to say why; who needs less may lower them.
 */
describe('what can be counted of a delivery', () => {
  let counts: Counts

  beforeAll(async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--conditions=@sse-toolkit/source',
      '--expose-gc',
      '--min-semi-space-size=64',
      '--max-semi-space-size=64',
      program,
    ])
    counts = JSON.parse(stdout) as Counts
  })

  describe.each([
    { perTurn: 1, bytesOnTheWire: 78, bytesAllocated: 600 },
    { perTurn: 10, bytesOnTheWire: 74, bytesAllocated: 115 },
  ])(
    'an event to one of fifty connections, at $perTurn a turn, costs',
    ({ perTurn, bytesOnTheWire, bytesAllocated }) => {
      it('one write for all of the turn', () => {
        expect(counts.fanOut[perTurn]?.writes).toBe(1 / perTurn)
      })

      it(`${bytesOnTheWire} bytes on the wire, for 43 bytes of data`, () => {
        expect(counts.fanOut[perTurn]?.bytesOnTheWire).toBeLessThanOrEqual(bytesOnTheWire)
      })

      it(`${bytesAllocated} bytes of the heap at most`, () => {
        expect(counts.fanOut[perTurn]?.bytesAllocated).toBeGreaterThan(0)
        expect(counts.fanOut[perTurn]?.bytesAllocated).toBeLessThanOrEqual(bytesAllocated)
      })
    },
  )

  it('a connection that waits costs 3100 bytes of the heap at most', () => {
    expect(counts.idle.bytesInUse).toBeGreaterThan(0)
    expect(counts.idle.bytesInUse).toBeLessThanOrEqual(3100)
  })

  it('an event costs the client 200 bytes of the heap at most', () => {
    expect(counts.client.bytesAllocated).toBeGreaterThan(0)
    expect(counts.client.bytesAllocated).toBeLessThanOrEqual(200)
  })
})
