/**
 * One server in three processes that share a port. The program plays its own users and its own administrator: each
 * process answers, one that crashes is replaced, and SIGTERM ends them all cleanly, with a request in flight
 * answered to its end.
 */
import assert from 'node:assert/strict'
import cluster from 'node:cluster'
import { once } from 'node:events'
import { createServer as createProbe } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { createRouter, jsonResponse, textResponse } from '@sse-toolkit/http-core'
import { createServer, runWorkers } from '@sse-toolkit/http-core/node'

const workers = 3
const port = cluster.isPrimary ? await freePort() : Number(process.env['PORT'])
process.env['PORT'] = String(port)
const url = `http://127.0.0.1:${port}`
let listening = 0
let crashes = 0

// Workers start as this program did, without its link to the process that started it.
const execArgv = process.execArgv.filter((argument) => argument.startsWith('--conditions'))
if (cluster.isPrimary) cluster.setupPrimary({ execArgv })

const ended = runWorkers({
  workers,
  timeoutMs: 5000,
  async start() {
    const router = createRouter()
    router.get('/pid', () => jsonResponse({ pid: process.pid }))
    router.get('/slow', async () => {
      await delay(300)
      return textResponse('done')
    })
    router.post('/crash', () => {
      process.exit(1)
    })
    const server = createServer({ fetch: router.fetch, port })
    await server.listen()
    return server
  },
  onListening: () => {
    listening += 1
  },
  onCrash: () => {
    crashes += 1
  },
})

// Together: if the workers cannot be kept running, there is nothing to observe.
await (cluster.isPrimary ? Promise.all([ended, observe()]) : ended)
if (cluster.isPrimary) console.log('ok')

async function observe(): Promise<void> {
  await until(() => listening === workers)
  assert.equal((await askedProcesses()).size, workers)

  await assert.rejects(request('/crash', 'POST'))
  await until(() => listening === workers + 1)
  assert.equal(crashes, 1)
  assert.equal((await askedProcesses()).size, workers)

  const inFlight = request('/slow')
  await delay(100)
  process.kill(process.pid, 'SIGTERM')
  assert.equal(await inFlight, 'done')
}

/** The processes that answer as many connections as there are processes: the primary deals them out in turn. */
async function askedProcesses(): Promise<ReadonlySet<string>> {
  const answers = new Set<string>()
  for (let count = 0; count < workers * 2; count += 1) answers.add(await request('/pid'))
  return answers
}

/** On a connection of its own. */
async function request(path: string, method = 'GET'): Promise<string> {
  const response = await fetch(url + path, { method, headers: { connection: 'close' } })
  return response.text()
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(10)
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
