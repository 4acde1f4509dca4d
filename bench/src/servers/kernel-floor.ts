import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { chunkOf, plainBlock } from '../events.ts'
import { startProgram } from './other-process.ts'
import type { PublishingServer } from './publishing-server.ts'

/** A loop of `write` in C over all sockets: what the kernel asks for, whatever the language. Needs a C compiler. */
export async function open(): Promise<PublishingServer> {
  const source = fileURLToPath(new URL('kernel-floor.c', import.meta.url))
  const program = join(mkdtempSync(join(tmpdir(), 'bench-floor-')), 'kernel-floor')
  const { status, error, stderr } = spawnSync('cc', ['-O2', '-o', program, source], { encoding: 'utf8' })
  if (status !== 0) throw new TypeError(`cc failed: ${error?.message ?? stderr}`)
  const child = startProgram(program, [])
  const { pid, stdin, stdout } = child
  if (pid === undefined || stdin === null || stdout === null) throw new TypeError('The program did not start')
  const lines = createInterface({ input: stdout })
  const [port] = (await once(lines, 'line')) as [string]
  return {
    port: Number(port),
    pid,
    async publish(events) {
      const chunk = chunkOf(events.map(plainBlock).join(''))
      const written = once(lines, 'line')
      stdin.write(`${chunk.length}\n`)
      stdin.write(chunk)
      await written
    },
  }
}
