/**
 * Three servers on one log in a file, under a schedule of faults that a seed draws: `pnpm soak --sqlite [--seconds 60] [--seed S]`.
 *
 * Servers are killed with `kill -9`, alone and all at once, and frozen; the file is filled up to its greatest size, moved away, and
 * replaced by a copy. After each schedule every reader must have each event that was stored, once and in order. A gap may lie in
 * its place only if the file was moved or replaced. Then a new schedule is drawn.
 */
import { copyFileSync, existsSync, renameSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createSeededRandom, startProcess } from '@sse-toolkit/test-support'
import type { SeededRandom, StartedProcess } from '@sse-toolkit/test-support'
import { expectNothingSilent, openReader } from './campaign-readers.ts'
import type { Reader } from './campaign-readers.ts'

const program = fileURLToPath(new URL('programs/sqlite-soak-server.ts', import.meta.url))
const names = ['s0', 's1', 's2']
const readerCount = 4
const firstFileBytes = 1_048_576
const recoveryMs = 30_000

/** What one server has tried to publish, over all of its processes. */
interface Server {
  readonly name: string
  readonly outcomes: Map<number, string>
  running: StartedProcess | undefined
}

interface Scene {
  readonly path: string
  readonly servers: readonly Server[]
  readonly random: SeededRandom
  maxFileBytes: number
}

/** A fault, and whether readers may get a gap for it. */
interface Fault {
  readonly costsEvents: boolean
  readonly happen: (scene: Scene) => Promise<void>
}

const faults: Readonly<Record<string, Fault>> = {
  kill: {
    costsEvents: false,
    async happen(scene) {
      const server = scene.random.pick(scene.servers)
      await kill(server)
      await delay(scene.random.integer(0, 500))
      await start(scene, server)
    },
  },
  'kill all': {
    costsEvents: false,
    async happen(scene) {
      await Promise.all(scene.servers.map(kill))
      await startAll(scene)
    },
  },
  freeze: {
    costsEvents: false,
    async happen({ servers, random }) {
      const { running } = random.pick(servers)
      const frozenMs = random.integer(20, 2000)
      if (running === undefined) return
      process.kill(running.pid, 'SIGSTOP')
      await delay(frozenMs)
      process.kill(running.pid, 'SIGCONT')
    },
  },
  fill: {
    costsEvents: false,
    async happen(scene) {
      const { running } = scene.random.pick(scene.servers)
      if (running === undefined) return
      process.kill(running.pid, 'SIGUSR2')
      await running.untilStdout((text) => text.includes('full\n'))
      await delay(scene.random.integer(0, 300))
      // Somebody makes room: all processes on one file must have the same options.
      scene.maxFileBytes *= 2
      await Promise.all(scene.servers.map(kill))
      await startAll(scene)
    },
  },
  'move away': {
    costsEvents: true,
    async happen({ path }) {
      for (const end of ['-wal', '-shm', ''])
        if (existsSync(path + end)) renameSync(path + end, `${path}.away${end}`)
    },
  },
  'replace by a copy': {
    costsEvents: true,
    async happen(scene) {
      const { path } = scene
      // A backup as it should be made: nobody writes meanwhile, and the write-ahead log is part of it.
      await Promise.all(scene.servers.map(kill))
      const ends = ['', '-wal'].filter((end) => existsSync(path + end))
      for (const end of ends) copyFileSync(path + end, `${path}.copy${end}`)
      if (existsSync(`${path}-shm`)) renameSync(`${path}-shm`, `${path}.old-shm`)
      for (const end of ends) renameSync(`${path}.copy${end}`, path + end)
      await startAll(scene)
    },
  },
}

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } },
})
const seconds = Number(values.seconds)
const firstSeed = values.seed === undefined ? Math.floor(Date.now() / 1000) % 2 ** 31 : Number(values.seed)
if (!Number.isSafeInteger(firstSeed) || !(seconds > 0))
  throw new RangeError('--seed and --seconds take numbers')

const endsAt = performance.now() + seconds * 1000
let seed = firstSeed
for (; performance.now() < endsAt; seed += 1) await runSchedule(seed)
console.log(
  `${seed - firstSeed} schedules, seeds ${firstSeed} to ${seed - 1}: nothing lost or repeated, and no gap but for a file that was lost`,
)

async function runSchedule(current: number): Promise<void> {
  const random = createSeededRandom(current)
  const schedule = Array.from({ length: random.integer(2, 6) }, () => random.pick(Object.keys(faults)))
  process.stdout.write(`seed ${current}: ${schedule.join(', ')}`)
  const directory = await mkdtemp(join(tmpdir(), 'sse-sqlite-soak-'))
  const servers = names.map((name): Server => ({ name, outcomes: new Map(), running: undefined }))
  const scene: Scene = { path: join(directory, 'log.db'), servers, random, maxFileBytes: firstFileBytes }
  const readers: Reader[] = []
  try {
    await startAll(scene)
    readers.push(
      ...Array.from({ length: readerCount }, () => openReader((request) => forward(request, scene))),
    )
    await Promise.all(readers.map(({ opened }) => opened))
    for (const name of schedule) {
      await faults[name]?.happen(scene)
      await delay(random.integer(0, 400))
    }
    const faultsEndedAt = performance.now()
    const next = servers.map(({ running }) => lastNumber(running, 'trying') + 1)
    await untilAllHave(readers, next)
    const wellAfterMs = Math.round(performance.now() - faultsEndedAt)
    await Promise.all(servers.map(stopPublishing))
    const last = servers.map(({ running }) => lastNumber(running, 'stored'))
    await untilAllHave(readers, last)
    await Promise.all(servers.map(kill))
    judge(servers, readers, schedule)
    const outcomes = servers.flatMap((server) => [...server.outcomes.values()])
    const stored = outcomes.filter((outcome) => outcome === 'stored').length
    const gaps = readers.map((reader) => reader.gaps.length).join(' ')
    console.log(`; ${stored} of ${outcomes.length} stored; gaps ${gaps}; well after ${wellAfterMs} ms`)
  } finally {
    await Promise.all(readers.map((reader) => reader[Symbol.asyncDispose]()))
    await Promise.all(servers.map(kill))
    await rm(directory, { recursive: true, force: true, maxRetries: 5 })
  }
}

function judge(servers: readonly Server[], readers: readonly Reader[], schedule: readonly string[]): void {
  expectNothingSilent(readers, Object.fromEntries(servers.map(({ name, outcomes }) => [name, outcomes])))
  const gaps = readers.flatMap((reader) => reader.gaps)
  if (gaps.length > 0 && !schedule.some((name) => faults[name]?.costsEvents))
    throw new Error(`gaps, though no file was lost: ${gaps.join(', ')}`)
}

async function startAll(scene: Scene): Promise<void> {
  await Promise.all(scene.servers.map((server) => start(scene, server)))
}

async function start({ path, maxFileBytes }: Scene, server: Server): Promise<void> {
  const first = Math.max(0, ...server.outcomes.keys()) + 1
  const args = [program, path, String(maxFileBytes), server.name, String(first)]
  server.running = await startProcess({ args, ready: /^listening \d+$/m })
}

async function kill(server: Server): Promise<void> {
  const { running } = server
  server.running = undefined
  if (running === undefined) return
  await running.kill('SIGKILL')
  noteOutcomes(server, running)
}

/** What was tried and not answered may have been stored. */
function noteOutcomes({ outcomes }: Server, { stdout }: StartedProcess): void {
  for (const line of stdout.slice(0, stdout.lastIndexOf('\n')).split('\n')) {
    const [what, number, code = ''] = line.split(' ')
    if (what === 'trying') outcomes.set(Number(number), 'outcome-unknown')
    if (what === 'stored') outcomes.set(Number(number), 'stored')
    if (what === 'refused') outcomes.set(Number(number), code)
  }
}

/** To one of the servers that run. */
async function forward(request: Request, { servers }: Scene): Promise<Response> {
  const up = servers.filter(({ running }) => running !== undefined)
  const { running } = up[Math.floor(Math.random() * up.length)] ?? {}
  const port = /^listening (\d+)$/m.exec(running?.stdout ?? '')?.[1]
  if (port === undefined) throw new Error('no server runs')
  const { headers, signal } = request
  // Servers publish from the start: a reader that comes for the first time wants what was there before it.
  const query = headers.has('last-event-id') ? '' : '?lastEventId=earliest'
  return fetch(`http://127.0.0.1:${port}/${query}`, { headers, signal })
}

function lastNumber(running: StartedProcess | undefined, what: 'trying' | 'stored'): number {
  const lines = running?.stdout.match(new RegExp(`^${what} \\d+$`, 'gm')) ?? []
  return Number(lines.at(-1)?.split(' ')[1] ?? 0)
}

/** Until each reader has an event of each server whose number is at least this. */
async function untilAllHave(readers: readonly Reader[], numbers: readonly number[]): Promise<void> {
  const end = performance.now() + recoveryMs
  const has = ({ events }: Reader, index: number): boolean =>
    Number(events.findLast(({ type }) => type === names[index])?.data ?? 0) >= (numbers[index] ?? 0)
  while (!readers.every((reader) => names.every((_, index) => has(reader, index)))) {
    if (performance.now() > end)
      throw new Error(`what is published does not reach every reader within ${recoveryMs} ms`)
    await delay(10)
  }
}

async function stopPublishing({ running }: Server): Promise<void> {
  if (running === undefined) return
  process.kill(running.pid, 'SIGTERM')
  await running.untilStdout((text) => text.endsWith('stopped\n'))
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
