/**
 * A rolling restart behind nginx that no reader notices. Two servers share a log in a file; each is restarted in turn, while numbers
 * are published and a client reads them through nginx. The client reconnects to the other server, and continues after its last event.
 *
 *     client --> nginx --+--> server 1 --+
 *                        |               +--> numbers.db
 *                        +--> server 2 --+
 *
 * `nginx.conf` is the configuration. The program needs nginx (Debian: `apt-get install nginx-light`, or NGINX_PATH).
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createEventSource } from '@sse-toolkit/event-source-client'
import { createServer } from '@sse-toolkit/http-core/node'
import { createHub } from '@sse-toolkit/sse-server'
import { sqliteLog } from '@sse-toolkit/sse-sqlite'
import { createLedger } from '@sse-toolkit/testing'

const folder = await mkdtemp(join(tmpdir(), 'sse-toolkit-nginx-'))

/** One server of the application. In production each is a process; they share only the file. */
async function startServer(port: number) {
  const log = sqliteLog({ path: join(folder, 'numbers.db') })
  const hub = createHub({ log, reconnectionTimeMs: 100 })
  const server = createServer({
    port,
    logger: 'off',
    fetch: (request) => hub.subscribe(request, { topics: ['numbers'] }),
  })
  await server.listen()
  return {
    hub,
    port,
    /** Ends the streams, then the server: new requests get 503 from the start, so nginx asks the other server. */
    async stop() {
      await hub.close({ drainMs: 200 })
      await server.close({ timeoutMs: 1000 })
      await log.close()
    },
  }
}

async function startNginx(ports: readonly [number, number]) {
  const port = await freePort()
  const template = await readFile(new URL('nginx.conf', import.meta.url), 'utf8')
  const configuration = template
    .replaceAll('/tmp/nginx', join(folder, 'nginx'))
    .replace('3001', String(ports[0]))
    .replace('3002', String(ports[1]))
    .replace('8080', String(port))
  await mkdir(join(folder, 'nginx'))
  await writeFile(join(folder, 'nginx.conf'), configuration)
  const program = process.env['NGINX_PATH'] ?? 'nginx'
  const options = ['-p', folder, '-c', 'nginx.conf', '-e', 'error.log']
  const nginx = spawn(program, options, {
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` },
    stdio: 'inherit',
  })
  await once(nginx, 'spawn')
  while (!(await isListening(port))) await sleep(20)
  return { url: `http://127.0.0.1:${port}/`, stop: () => nginx.kill('SIGTERM'), exited: once(nginx, 'exit') }
}

async function freePort(): Promise<number> {
  const server = createServer({ port: 0, fetch: () => new Response() })
  await server.listen()
  const { port } = server
  await server.close()
  assert(port !== undefined)
  return port
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

let servers = [await startServer(await freePort()), await startServer(await freePort())] as const
const nginx = await startNginx([servers[0].port, servers[1].port])

const ledger = createLedger()
const client = createEventSource(`${nginx.url}?lastEventId=earliest`)
async function read(): Promise<void> {
  for await (const { type, data } of client) {
    if (type === 'end') return
    assert.equal(type, 'message', 'no gap is announced')
    ledger.received('client', 'numbers', Number(data))
  }
}
const reading = read()

let published = 0
async function publish(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    published += 1
    await servers[published % 2 === 0 ? 0 : 1].hub.publish('numbers', { data: String(published) })
    await sleep(5)
  }
}

await publish(50)
for (const which of [0, 1] as const) {
  const { port } = servers[which]
  const other = servers[which === 0 ? 1 : 0]
  await servers[which].stop()
  for (let n = 0; n < 20; n += 1) await other.hub.publish('numbers', { data: String((published += 1)) })
  const restarted = await startServer(port)
  servers = which === 0 ? [restarted, servers[1]] : [servers[0], restarted]
  await publish(50)
}

await servers[0].hub.publish('numbers', { event: 'end', data: '' })
await reading
ledger.expectComplete({ topic: 'numbers', first: 1, last: published })

nginx.stop()
await nginx.exited
await Promise.all(servers.map((server) => server.stop()))
await rm(folder, { recursive: true })
console.log('ok')
