import { fileURLToPath } from 'node:url'
import { startProcess } from '@sse-toolkit/test-support'
import type { StartedProcess } from '@sse-toolkit/test-support'
import { describe, expect, it } from 'vitest'

const example = fileURLToPath(new URL('../../examples/processes/main.ts', import.meta.url))
const program = fileURLToPath(new URL('programs/http-core-workers.ts', import.meta.url))

/** Without the lifeline that other tests' processes have: workers would inherit the argument, not the descriptor. */
function run(file: string, args: readonly string[] = [], ready?: RegExp): Promise<StartedProcess> {
  return startProcess({
    command: process.execPath,
    args: ['--conditions=@sse-toolkit/source', file, ...args],
    ...(ready !== undefined && { ready }),
  })
}

/** Where the workers of the program listen. */
async function portOf(stdout: () => string): Promise<number> {
  return Number(/listening on (\d+)/.exec(stdout())?.[1])
}

describe('several processes', () => {
  it('the example checks itself', async () => {
    await using primary = await startProcess({ args: [example] })
    const { code } = await primary.exited
    expect({ code, stdout: primary.stdout, stderr: primary.stderr }).toEqual({
      code: 0,
      stdout: 'ok\n',
      stderr: '',
    })
  })

  it('workers that exit as soon as they start end the primary', async () => {
    await using primary = await run(program, ['crash'])
    const { code } = await primary.exited
    expect([code, primary.stdout.trim().split('\n').at(-1)]).toEqual([0, 'crash-loop 3'])
  })

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'a process group that receives %s stops cleanly',
    async (signal) => {
      await using primary = await run(program, ['serve'], /(?:worker \d+\n[^]*){2}/)
      const workers = [...primary.stdout.matchAll(/worker (\d+)/g)].map((match) => Number(match[1]))
      for (const pid of [primary.pid, ...workers]) process.kill(pid, signal)
      const { code } = await primary.exited
      expect([code, primary.stdout.includes('stopped')]).toEqual([0, true])
    },
  )

  it('workers stop when their primary is killed', async () => {
    await using primary = await run(program, ['serve'], /(?:worker \d+\n[^]*){2}/)
    const workers = [...primary.stdout.matchAll(/worker (\d+)/g)].map((match) => Number(match[1]))
    expect(workers).toHaveLength(2)
    await primary.kill('SIGKILL')
    const isAlive = (pid: number): boolean => {
      try {
        process.kill(pid, 0)
        return true
      } catch {
        return false
      }
    }
    while (workers.some(isAlive)) {
      await new Promise((resolve) => {
        setTimeout(resolve, 10)
      })
    }
    expect(workers.filter(isAlive)).toEqual([])
  })

  it('independent processes share a port by reusePort', async () => {
    await using first = await run(program, ['reuse', '0'], /listening on \d+/)
    const port = await portOf(() => first.stdout)
    await using second = await run(program, ['reuse', String(port)], /listening on \d+/)
    const ask = async (): Promise<number> => {
      const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } })
      return Number(await response.text())
    }
    const answers = new Set<number>()
    for (let count = 0; count < 500 && answers.size < 2; count += 1) answers.add(await ask())
    expect(answers).toEqual(new Set([first.pid, second.pid]))
    expect(await first.stop({ signal: 'SIGTERM' })).toEqual({ code: 0, signal: null })
    expect(await ask()).toBe(second.pid)
  })

  it('a service manager hands over its socket', async () => {
    await using primary = await startProcess({
      command: '/bin/sh',
      args: [
        '-c',
        // What systemd does: the socket is descriptor 3, and the environment says so. `exec` keeps the process id.
        `LISTEN_PID=$$ LISTEN_FDS=1 exec "${process.execPath}" --conditions=@sse-toolkit/source ${program} activated`,
      ],
    })
    const { code } = await primary.exited
    // Descriptor 3 is not a socket here. The test checks that the server tried it, and named it in the error.
    expect([code, primary.stdout]).toEqual([0, 'bad-descriptor file descriptor 3\n'])
  })
})
