import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect as connectHttp2 } from 'node:http2'
import { createServer as createTcpServer, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { jsonResponse } from '@sse-toolkit/http-core'
import type { RouteContext } from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import type { Server, ServerOptions } from '@sse-toolkit/http-core/node'
import { startProcess } from '@sse-toolkit/test-support'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createCertificate } from '../../examples/adapters/self-signed.ts'

// The PROXY protocol as HAProxy speaks it, in front of our server.

const haproxyPath = process.env['HAPROXY_PATH'] ?? 'haproxy'
const hasHaproxy = spawnSync(haproxyPath, ['-v']).status === 0
const mustHave = process.env['CI'] !== undefined && process.env['CI'] !== ''
if (!hasHaproxy && !mustHave)
  console.warn('Skipping tests: haproxy is not installed: apt-get install haproxy.')

const certificate = createCertificate()
const show = (
  _request: Request,
  { remoteAddress, proxyHeader }: Pick<RouteContext, 'remoteAddress' | 'proxyHeader'>,
): Response =>
  jsonResponse({
    remoteAddress,
    version: proxyHeader?.version,
    command: proxyHeader?.command,
    sourcePort: proxyHeader?.source?.port,
    values: [...(proxyHeader?.values.keys() ?? [])],
  })

async function freePort(): Promise<number> {
  const probe = createTcpServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  probe.close()
  await once(probe, 'close')
  return port
}

async function serving(options: Partial<ServerOptions>): Promise<Server> {
  const server = createServer({ fetch: show, port: 0, proxyProtocol: { mode: 'required' }, ...options })
  await server.listen()
  onTestFinished(async () => {
    await server.close({ timeoutMs: 0 })
  })
  return server
}

/** HAProxy in front of a server, with these words behind its address. */
async function proxyTo(server: Server, options: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'sse-toolkit-haproxy-'))
  const port = await freePort()
  const config = join(folder, 'haproxy.cfg')
  const lines = [
    'defaults',
    '  mode tcp',
    '  timeout connect 5s',
    '  timeout client 10s',
    '  timeout server 10s',
    'frontend front',
    `  bind 127.0.0.1:${port}`,
    '  default_backend back',
    'backend back',
    `  server one 127.0.0.1:${server.port} ${options}`,
    '',
  ]
  await writeFile(config, lines.join('\n'))
  const haproxy = await startProcess({ command: haproxyPath, args: ['-db', '-f', config] })
  onTestFinished(async () => {
    await haproxy[Symbol.asyncDispose]()
    await rm(folder, { recursive: true })
  })
  // It says nothing when it listens.
  while (!(await accepts(port))) {
    await new Promise((resolve) => {
      setTimeout(resolve, 20)
    })
  }
  return port
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(port, '127.0.0.1')
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => {
      resolve(false)
    })
  })
}

async function ask(socket: NodeJS.ReadWriteStream): Promise<Record<string, unknown>> {
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)) as Record<string, unknown>
}

describe.skipIf(!hasHaproxy && !mustHave)('behind HAProxy', () => {
  it.each([
    ['send-proxy', 1],
    ['send-proxy-v2', 2],
  ])('the server knows the client (%s)', async (options, version) => {
    const port = await proxyTo(await serving({}), options)
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    const { localPort } = socket
    expect(await ask(socket)).toMatchObject({
      remoteAddress: '127.0.0.1',
      version,
      command: 'proxy',
      sourcePort: localPort,
    })
  })

  it('the values and the checksum of version 2 are read', async () => {
    const port = await proxyTo(await serving({}), 'send-proxy-v2 proxy-v2-options crc32c,unique-id')
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    expect(await ask(socket)).toMatchObject({ command: 'proxy', values: expect.arrayContaining([3]) })
  })

  it('health checks with LOCAL are served', async () => {
    const commands: unknown[] = []
    const server = await serving({
      fetch: (_request, { proxyHeader }) => {
        commands.push(proxyHeader?.command)
        return new Response('ok')
      },
    })
    await proxyTo(server, 'send-proxy-v2 check inter 100ms\n  option httpchk GET /')
    while (commands.length < 3) {
      await new Promise((resolve) => {
        setTimeout(resolve, 20)
      })
    }
    expect(new Set(commands)).toEqual(new Set(['local']))
  })

  it('TLS and HTTP/2 begin behind the header', async () => {
    const port = await proxyTo(await serving({ tls: certificate }), 'send-proxy-v2')
    const tls = connectTls({ port, host: '127.0.0.1', ca: certificate.cert })
    await once(tls, 'secureConnect')
    const { localPort } = tls
    expect(await ask(tls)).toMatchObject({ command: 'proxy', sourcePort: localPort })
    const session = connectHttp2(`https://127.0.0.1:${port}`, { ca: certificate.cert })
    onTestFinished(() => {
      session.destroy()
    })
    const [chunk] = (await once(session.request({ ':path': '/' }), 'data')) as [Buffer]
    expect(JSON.parse(chunk.toString())).toMatchObject({
      command: 'proxy',
      sourcePort: session.socket.localPort,
    })
  })
})
