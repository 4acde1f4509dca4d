/**
 * One hub in three processes that share a port and a log in a file: all cores, no server besides, and sessions that need not
 * be sticky. The program plays its own users: each process delivers what any of them publishes, a reader whose process crashes
 * misses nothing, and presence and `disconnect` reach every process.
 */
import assert from 'node:assert/strict'
import cluster from 'node:cluster'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer as createProbe } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createEventSource } from '@sse-toolkit/event-source-client'
import { createRouter, jsonResponse } from '@sse-toolkit/http-core'
import { createServer, runWorkers } from '@sse-toolkit/http-core/node'
import { createHub } from '@sse-toolkit/sse-server'
import { sqliteLog } from '@sse-toolkit/sse-sqlite'

const workers = 3
const readers = 12
const port = cluster.isPrimary ? await freePort() : Number(process.env['PORT'])
const path = cluster.isPrimary ? join(await mkdtemp(join(tmpdir(), 'shared-log-')), 'events.db') : ''
process.env['PORT'] = String(port)
process.env['LOG_PATH'] ??= path
const url = `http://127.0.0.1:${port}`
let listening = 0

// Workers start as this program did, without its link to the process that started it.
const execArgv = process.execArgv.filter((argument) => argument.startsWith('--conditions'))
if (cluster.isPrimary) cluster.setupPrimary({ execArgv })

const ended = runWorkers({
  workers,
  timeoutMs: 5000,
  async start() {
    const log = sqliteLog({ path: process.env['LOG_PATH'] ?? '' })
    const hub = createHub({
      log,
      presenceIntervalMs: 100,
      authorize: (request) => ({
        topics: ['news'],
        identity: new URL(request.url).searchParams.get('user') ?? 'nobody',
      }),
    })
    const router = createRouter()
    router.get('/events', (request) => hub.subscribe(request, { topics: ['news'] }))
    router.post('/news', async (request) => {
      const { id } = await hub.publish('news', { data: await request.text() })
      return jsonResponse({ id, pid: process.pid })
    })
    router.post('/crash', () => {
      process.exit(1)
    })
    router.get('/present', async () => jsonResponse(await hub.connections({ everywhere: true })))
    router.post('/disconnect', async (request) => {
      await hub.disconnect({ identity: await request.text() }, { reconnect: 'forbid' })
      return jsonResponse({})
    })
    const server = createServer({ fetch: router.fetch, port })
    await server.listen()
    return {
      async close(options) {
        await hub.close()
        const closed = await server.close(options)
        await log.close()
        return closed
      },
    }
  },
  onListening: () => {
    listening += 1
  },
})

await (cluster.isPrimary ? Promise.all([ended, observe()]) : ended)
if (cluster.isPrimary) {
  await rm(join(process.env['LOG_PATH'] ?? '', '..'), { recursive: true })
  console.log('ok')
}

async function observe(): Promise<void> {
  await until(() => listening === workers)
  const received = Array.from({ length: readers }, (): string[] => [])
  const sources = received.map((each, reader) => {
    const source = createEventSource(new URL(`/events?user=user-${reader}`, url))
    source.on('message', ({ data }) => void each.push(data))
    return source
  })
  await until(async () => (await present()).length === readers)

  // Readers are spread over the processes, and so are those who publish.
  const pids = new Set<unknown>()
  for (let n = 1; n <= 12; n += 1) pids.add((await publish(String(n))).pid)
  assert.equal(pids.size, workers)
  const all = Array.from({ length: 12 }, (_, n) => String(n + 1))
  await until(() => received.every(({ length }) => length === all.length))
  for (const each of received) assert.deepEqual(each, all)

  // Its readers come back to another process, and go on where they were.
  await assert.rejects(ask('/crash', { method: 'POST' }))
  await publish('13')
  await until(() => received.every((each) => each.at(-1) === '13'))
  for (const each of received) assert.deepEqual(each, [...all, '13'])
  await until(() => listening === workers + 1)

  // Whichever process the user is connected to.
  await post('/disconnect', 'user-7')
  await until(async () => (await present()).length === readers - 1)

  for (const source of sources) source.close()
  process.kill(process.pid, 'SIGTERM')
}

async function publish(text: string): Promise<{ readonly id: string; readonly pid: number }> {
  return (await post('/news', text)) as { readonly id: string; readonly pid: number }
}

async function present(): Promise<readonly unknown[]> {
  return (await ask('/present')) as readonly unknown[]
}

function post(target: string, body: string): Promise<unknown> {
  return ask(target, { method: 'POST', body })
}

/** On a connection of its own: the primary deals them out in turn. */
async function ask(target: string, init: RequestInit = {}): Promise<unknown> {
  const response = await fetch(url + target, { ...init, headers: { connection: 'close' } })
  return response.json()
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(10)
}

async function freePort(): Promise<number> {
  const probe = createProbe().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  assert(typeof address === 'object' && address !== null)
  return address.port
}
