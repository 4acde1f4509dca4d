import { fileURLToPath } from 'node:url'
import { startProcess } from '@sse-toolkit/test-support'
import { expect, it } from 'vitest'

const soak = fileURLToPath(new URL('sqlite-soak.ts', import.meta.url))

// A short one; `pnpm soak --sqlite` runs for as long as you like. What it prints names the seed and the faults.
it.each([
  { which: 'that are always the same', seed: ['--seed', '1'] },
  { which: 'that nobody has tried before', seed: [] },
])(
  'servers on one file lose nothing under schedules of faults $which',
  { timeout: 180_000 },
  async ({ seed }) => {
    await using running = await startProcess({ args: [soak, '--seconds', '15', ...seed] })
    const { code } = await running.exited
    expect({ code, stderr: running.stderr, stdout: running.stdout }).toEqual({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/\n\d+ schedules, seeds \d+ to \d+: nothing lost or repeated/),
    })
  },
)
