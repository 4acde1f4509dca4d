import { fileURLToPath } from 'node:url'
import { findBun, findDeno, startProcess } from '@sse-toolkit/test-support'
import { describe, expect, it } from 'vitest'
import { conformanceCases } from '../../packages/event-source-client/test/conformance/cases.ts'
import { startScenarioServer } from '../../packages/event-source-client/test/conformance/scenario-server.ts'

// The cases of the package's conformance suite, which itself runs them in Node and in Chromium.

const program = fileURLToPath(
  new URL('../../packages/event-source-client/test/conformance/run.ts', import.meta.url),
)
const condition = '--conditions=@sse-toolkit/source'
const bun = findBun()
const deno = findDeno()

describe.each([
  { name: 'Bun', runtime: bun, args: [condition] },
  { name: 'Deno', runtime: deno, args: ['run', '--allow-all', condition] },
])('EventSource on $name', ({ name, runtime, args }) => {
  const reason = runtime.skip ? ` (${runtime.reason})` : ''
  it.skipIf(runtime.skip)(`the conformance cases hold on ${name}${reason}`, async () => {
    if (runtime.skip) return
    await using server = await startScenarioServer()
    await using runner = await startProcess({
      command: runtime.path,
      args: [...args, program, server.origin, server.otherOrigin],
    })
    const { code } = await runner.exited
    const lines = runner.stdout.split('\n')
    // Their fetch takes `cache: 'no-store'`, and does not send the fields that Fetch asks for (HTTP-network-or-cache fetch).
    expect([code, lines.filter((line) => line.startsWith('failed '))]).toEqual([
      0,
      [expect.stringMatching(/asks caches to keep out .* \[null,null\] is not/)],
    ])
    expect(lines.filter((line) => line.startsWith('passed '))).toHaveLength(conformanceCases.length - 1)
  })
})
