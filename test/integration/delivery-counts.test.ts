import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Counts } from './programs/count-deliveries.ts'

const program = fileURLToPath(new URL('programs/count-deliveries.ts', import.meta.url))

/**
 * The costs that determine speed, as counts that do not depend on the machine's load: `pnpm bench` measures the speed
 * itself. The limits are a little above the current costs. A change that raises a limit must give a reason; a change
 * that costs less may lower it.
 */
describe('the counted cost of a delivery', () => {
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
      it('one write for all events of the turn', () => {
        expect(counts.fanOut[perTurn]?.writes).toBe(1 / perTurn)
      })

      it(`${bytesOnTheWire} bytes on the wire, for 43 bytes of data`, () => {
        expect(counts.fanOut[perTurn]?.bytesOnTheWire).toBeLessThanOrEqual(bytesOnTheWire)
      })

      it(`at most ${bytesAllocated} bytes of heap`, () => {
        expect(counts.fanOut[perTurn]?.bytesAllocated).toBeGreaterThan(0)
        expect(counts.fanOut[perTurn]?.bytesAllocated).toBeLessThanOrEqual(bytesAllocated)
      })
    },
  )

  it('an idle connection takes at most 3100 bytes of heap', () => {
    expect(counts.idle.bytesInUse).toBeGreaterThan(0)
    expect(counts.idle.bytesInUse).toBeLessThanOrEqual(3100)
  })

  it('an event costs the client at most 200 bytes of heap', () => {
    expect(counts.client.bytesAllocated).toBeGreaterThan(0)
    expect(counts.client.bytesAllocated).toBeLessThanOrEqual(200)
  })
})
