import { fileURLToPath } from 'node:url'
import { createLedger } from '@sse-toolkit/testing'
import { startFaultProxy } from '@sse-toolkit/testing/node'
import { findBun, findDeno, startProcess } from '@sse-toolkit/test-support'
import type { Ending } from '@sse-toolkit/testing/node'
import { describe, expect, it } from 'vitest'

// The client on each runtime: the promise through a proxy that cuts its connections, the transport that the package
// chooses there, and that a closed client lets the process end.

const programOf = (name: string): string =>
  fileURLToPath(new URL(`../integration/programs/${name}.ts`, import.meta.url))
const condition = '--conditions=@sse-toolkit/source'
const bun = findBun()
const deno = findDeno()

const runtimes: readonly {
  readonly name: string
  readonly skip: boolean
  /** How it runs a program; Node is that of the test itself. */
  readonly command?: string
  readonly args: readonly string[]
  /** Node has undici instead. */
  readonly usesFetch: boolean
}[] = [
  { name: 'Node', skip: false, args: [], usesFetch: false },
  {
    name: bun.skip ? `Bun (${bun.reason})` : 'Bun',
    ...(bun.skip ? { skip: true } : { skip: false, command: bun.path }),
    args: [condition],
    usesFetch: true,
  },
  {
    name: deno.skip ? `Deno (${deno.reason})` : 'Deno',
    ...(deno.skip ? { skip: true } : { skip: false, command: deno.path }),
    args: ['run', '--allow-all', condition],
    usesFetch: true,
  },
]

const endings: readonly Ending[] = ['fin', 'destroy', 'rst', 'fin', 'rst']

/** What stands behind the word in the lines that begin with it. */
const linesOf = (output: string, word: string): string[] =>
  output.split('\n').flatMap((line) => (line.split(' ')[0] === word ? [line.slice(word.length + 1)] : []))

describe.each(runtimes)('on $name', ({ skip, command, args, usesFetch }) => {
  it.skipIf(skip).each(['createEventSource', 'EventSource'])(
    '%s reads every number once, however its connections are cut',
    async (reader) => {
      await using hub = await startProcess({
        args: [programOf('hub-server'), '0'],
        ready: /listening on \d+/,
      })
      const port = Number(/listening on (\d+)/.exec(hub.stdout)?.[1])
      await using proxy = await startFaultProxy({ target: { port } })
      await using program = await startProcess({
        ...(command !== undefined && { command }),
        args: [...args, programOf('read-numbers'), reader, `${proxy.url}/numbers?lastEventId=earliest`],
        ready: /^number /m,
      })
      const countOf = (word: string): number => linesOf(program.stdout, word).length
      const readsOn = async (): Promise<void> => {
        const before = countOf('number')
        await program.untilStdout(() => countOf('number') >= before + 20)
      }

      await readsOn()
      for (const ending of endings) {
        const { accepted } = proxy
        proxy.cutAll(ending)
        await program.untilStdout(() => proxy.accepted > accepted)
        await readsOn()
      }
      expect(await program.stop()).toEqual({ code: 0, signal: null })
      expect(program.stderr).toBe('')

      const numbers = linesOf(program.stdout, 'number').map(Number)
      const ledger = createLedger()
      for (let n = 1; n <= (numbers.at(-1) ?? 0); n += 1) ledger.published('numbers', n)
      for (const n of numbers) ledger.received(reader, 'numbers', n)
      ledger.expectComplete({ topic: 'numbers', readers: [reader], first: 1 })
      expect(numbers.length).toBeGreaterThanOrEqual(20 * (1 + endings.length))

      expect(linesOf(program.stdout, 'gap')).toEqual([])
      const statuses = linesOf(program.stdout, 'status')
      expect(statuses.filter((status) => status === 'open')).toHaveLength(1 + endings.length)
      expect(statuses.filter((status) => status.startsWith('reconnecting'))).toHaveLength(endings.length)
      expect(countOf('fetch')).toBe(usesFetch ? 1 + endings.length : 0)
      expect(program.stdout).toMatch(/\nclosed\n$/)
    },
  )
})
