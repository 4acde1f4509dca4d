import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { startProcess } from '@sse-toolkit/test-support'
import { expect, it, onTestFinished } from 'vitest'

const program = fileURLToPath(new URL('../integration/programs/http-core-workers.ts', import.meta.url))
const CONNECTIONS = 10_000
const HOSTS = ['127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4']
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

interface Seen {
  readonly connections: number
  readonly rss: number
}

async function ask(socket: Socket): Promise<Seen> {
  socket.write(GET)
  const [chunk] = (await once(socket, 'data')) as [Buffer]
  const text = chunk.toString()
  return JSON.parse(text.slice(text.indexOf('{'))) as Seen
}

it('10 000 idle keep-alive connections cost little, and delay no request', { timeout: 60_000 }, async () => {
  await using server = await startProcess({ args: [program, 'idle'], ready: /listening on \d+/ })
  const port = Number(/listening on (\d+)/.exec(server.stdout)?.[1])
  const sockets: Socket[] = []
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
  })
  const open = async (index: number): Promise<Socket> => {
    const socket = connect({
      port,
      host: '127.0.0.1',
      localAddress: HOSTS[index % HOSTS.length] ?? '127.0.0.1',
    })
    sockets.push(socket)
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }
  const first = await open(0)
  const before = await ask(first)
  for (let opened = 1; opened < CONNECTIONS; opened += 250) {
    const batch = Math.min(250, CONNECTIONS - opened)
    // Each has had an answer: none is merely waiting to be accepted.
    await Promise.all(
      Array.from({ length: batch }, async (_, index) => {
        const socket = await open(opened + index)
        socket.write(GET)
        await once(socket, 'data')
      }),
    )
  }
  const start = performance.now()
  const after = await ask(first)
  const tookMs = performance.now() - start
  expect(after.connections).toBe(CONNECTIONS)
  const each = (after.rss - before.rss) / CONNECTIONS
  console.log(`an idle keep-alive connection: ${Math.round(each)} bytes of RSS`)
  // Some 16 kB; one that kept its request and response would be several times that.
  expect(each).toBeLessThan(40_000)
  expect(tookMs).toBeLessThan(1000)
})
