import { spawnSync } from 'node:child_process'
import { startProcess } from '@sse-toolkit/test-support'
import { describe, expect, it } from 'vitest'

// A client whose machine vanishes says nothing: no FIN, no RST, no acknowledgment. Here it is a machine of its own, as far
// as a kernel can make one, whose cable is cut.

const needed = [
  ['unshare', '-rnpf', '--mount-proc', 'ip', 'link', 'add', 'cable', 'type', 'veth', 'peer', 'name', 'other'],
  ['nsenter', '--version'],
  ['curl', '--version'],
]
const isMissing = needed.some(([command = '', ...args]) => spawnSync(command, args).status !== 0)
const mustHave = process.env['CI'] !== undefined && process.env['CI'] !== ''
if (isMissing && !mustHave)
  console.warn(
    'Skipping tests: they need Linux, user namespaces, and apt-get install util-linux iproute2 curl.',
  )

describe.skipIf(isMissing && !mustHave)('a client that vanishes while data is unacknowledged', () => {
  it('is noticed on HTTP/1.1, behind http-core and behind node:http', { timeout: 150_000 }, async () => {
    const programs = `${import.meta.dirname}/programs`
    const network = ['-rnpf', '--mount-proc', '--kill-child', 'sh', `${programs}/vanishing-clients.sh`]
    const server = ['--conditions=@sse-toolkit/source', `${programs}/vanishing-clients-hub.ts`]
    await using output = await startProcess({
      command: 'unshare',
      args: [...network, process.execPath, ...server],
      ready: /the cable is cut/,
      readyTimeoutMs: 60_000,
    })
    await output.untilStdout(/0 open, 1 left; node:http: 0 open, 1 left/, 80_000)
    // http-core's timeout is the shorter one.
    expect(output.stdout).toContain('http-core: 0 open, 1 left; node:http: 1 open, 0 left')
  })
})
