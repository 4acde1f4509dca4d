import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer as createNetServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createServer } from '../src/node/index.ts'
import type { ServerOptions } from '../src/node/index.ts'
import { textResponse } from '../src/index.ts'
import { rawClient } from './raw-client.ts'
import { eventually, recordingLogger, serving } from './serving.ts'

const hello = (): Response => textResponse('hello')
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

async function temporaryPath(name: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'http-core-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  return join(directory, name)
}

describe('listen', () => {
  it('begins the life of the server, and says where it is', async () => {
    const told: unknown[] = []
    const server = createServer({ fetch: hello, port: 0, onListening: (address) => told.push(address) })
    expect([server.status, server.address, server.port, server.url]).toEqual([
      'idle',
      undefined,
      undefined,
      undefined,
    ])
    const address = await server.listen()
    expect(address).toEqual({ kind: 'tcp', address: '127.0.0.1', port: server.port, family: 'IPv4' })
    expect(told).toEqual([address])
    expect(server.status).toBe('running')
    expect(server.isIPv6).toBe(false)
    expect(server.url).toBe(`http://127.0.0.1:${server.port}`)
    expect(await (await fetch(server.url ?? '')).text()).toBe('hello')
    expect(server.activeConnections).toBe(1)
    await server.close()
    expect([server.status, server.address, server.port]).toEqual(['stopped', undefined, undefined])
  })

  it('listens on IPv6', async () => {
    const server = await serving({ fetch: hello, hostname: '::1' })
    expect([server.isIPv6, server.url]).toEqual([true, `http://[::1]:${server.port}`])
    expect(await (await fetch(server.url)).text()).toBe('hello')
  })

  it('shows an address of everywhere as localhost', async () => {
    const server = await serving({ fetch: hello, hostname: '0.0.0.0' })
    expect(server.url).toBe(`http://localhost:${server.port}`)
  })

  it('rejects with a ListenError that names host and port, and can be called again', async () => {
    const occupant = createNetServer().listen(0, '127.0.0.1')
    await once(occupant, 'listening')
    const { port } = occupant.address() as AddressInfo
    const server = createServer({ fetch: hello, port })
    await expect(server.listen()).rejects.toMatchObject({
      name: 'ListenError',
      code: 'address-in-use',
      target: `127.0.0.1:${port}`,
      message: `Cannot listen on 127.0.0.1:${port}: another socket listens there already`,
    })
    expect(server.status).toBe('idle')
    occupant.close()
    await once(occupant, 'close')
    await server.listen()
    expect(server.status).toBe('running')
    await server.close()
  })

  it.each<[Partial<ServerOptions>, string]>([
    [{ hostname: '192.0.2.1' }, 'address-not-available'],
    [{ hostname: 'no-such-host.invalid' }, 'host-not-found'],
    [{ listen: { fd: 0x7ffffff } }, 'bad-descriptor'],
    [{ listen: { path: '/nonexistent/socket' } }, 'permission-denied'],
  ])('rejects %j with the code %s', async (options, code) => {
    const server = createServer({ fetch: hello, port: 0, ...options })
    await expect(server.listen()).rejects.toMatchObject({ code })
  })

  it('cannot be called twice, nor after close', async () => {
    const server = await serving({ fetch: hello })
    await expect(server.listen()).rejects.toMatchObject({ code: 'already-listening' })
    await server.close()
    await expect(server.listen()).rejects.toMatchObject({ code: 'stopped' })
  })

  it('listens on a Unix socket', async () => {
    const path = await temporaryPath('socket')
    const server = await serving({
      listen: { path },
      fetch: (_request, { remoteAddress }) => textResponse(String(remoteAddress)),
    })
    expect([server.address, server.port, server.url]).toEqual([{ kind: 'unix', path }, undefined, undefined])
    const client = await rawClient({ path })
    client.send(GET)
    expect(await client.until('undefined')).toContain('200 OK')
    client.destroy()
  })

  it('replaces the socket of a process that died, but not one that is served', async () => {
    const path = await temporaryPath('socket')
    const child = fork(fileURLToPath(new URL('fixtures/listen-on-path.mjs', import.meta.url)), [path])
    await once(child, 'message')
    const server = createServer({ fetch: hello, listen: { path } })
    await expect(server.listen()).rejects.toMatchObject({ code: 'address-in-use', target: path })
    child.kill('SIGKILL')
    await once(child, 'exit')
    await server.listen()
    const client = await rawClient({ path })
    client.send(GET)
    await client.until('hello')
    client.destroy()
    await server.close()
  })

  it('takes a descriptor that somebody opened', async () => {
    const opened = createNetServer().listen(0, '127.0.0.1')
    await once(opened, 'listening')
    const { port } = opened.address() as AddressInfo
    const { fd } = (opened as unknown as { readonly _handle: { readonly fd: number } })._handle
    const child = fork(fileURLToPath(new URL('fixtures/listen-on-descriptor.ts', import.meta.url)), [], {
      stdio: ['ignore', 'inherit', 'inherit', fd, 'ipc'],
    })
    onTestFinished(() => {
      child.kill('SIGKILL')
    })
    const [address] = (await once(child, 'message')) as unknown[]
    expect(address).toEqual({ kind: 'tcp', address: '127.0.0.1', port, family: 'IPv4' })
    opened.close()
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('served 127.0.0.1')
  })
})

describe('options', () => {
  it.each<[Record<string, unknown>, string]>([
    [{ fetch: 'x' }, 'fetch'],
    [{ port: -1 }, 'port'],
    [{ port: 65_536 }, 'port'],
    [{ port: '80' }, 'port'],
    [{ hostname: '' }, 'hostname'],
    [{ listen: { fd: -1 } }, 'listen.fd'],
    [{ listen: { path: '' } }, 'listen.path'],
    [{ maxConnections: 0 }, 'maxConnections'],
    [{ maxPipelinedRequests: 0 }, 'maxPipelinedRequests'],
    [{ listen: '/path' }, 'listen'],
    [{ trustProxy: true }, 'trustProxy'],
    [{ idleTimeoutMs: -1 }, 'idleTimeoutMs'],
    [{ idleTimeoutMs: 2 ** 31 }, 'idleTimeoutMs'],
    [{ headersTimeoutMs: Number.NaN }, 'headersTimeoutMs'],
    [{ http2PingIntervalMs: -1 }, 'http2PingIntervalMs'],
    [{ http2PingIntervalMs: 2 ** 31 }, 'http2PingIntervalMs'],
    [{ tcpUserTimeoutMs: -1 }, 'tcpUserTimeoutMs'],
    [{ tcpKeepAliveMs: 999 }, 'tcpKeepAliveMs'],
    [{ tcpKeepAliveMs: 32_768_000 }, 'tcpKeepAliveMs'],
    [{ headersTimeoutMs: 2000, requestTimeoutMs: 1000 }, 'headersTimeoutMs'],
    [{ requestTimeoutMs: 1.5 }, 'requestTimeoutMs'],
    [{ maxHeaderBytes: 0 }, 'maxHeaderBytes'],
    [{ maxHeaderFields: 0 }, 'maxHeaderFields'],
    [{ maxBodyBytes: -1 }, 'maxBodyBytes'],
    [{ maxTargetBytes: 16_384 }, 'maxTargetBytes'],
    [{ maxRequestsInFlight: 0 }, 'maxRequestsInFlight'],
    [{ retryAfterSeconds: -1 }, 'retryAfterSeconds'],
    [{ highWaterMarkBytes: 0 }, 'highWaterMarkBytes'],
    [{ serverHeader: 'a\r\nb: c' }, 'serverHeader'],
    [{ requests: 'heavy' }, 'requests'],
    [{ trustProxy: { hops: 0 } }, 'trustProxy.hops'],
    [{ trustProxy: { addresses: ['10.0.0.0/33'] } }, 'trustProxy.addresses'],
    [{ trustProxy: { addresses: ['localhost'] } }, 'trustProxy.addresses'],
  ])('refuse %j by the name of the option', (options, option) => {
    expect(() => createServer({ fetch: hello, ...options })).toThrow(
      expect.objectContaining({ name: 'OptionError', code: 'invalid-option', option }),
    )
  })
})

describe('close', () => {
  it('of a server that never listened stops it', async () => {
    const server = createServer({ fetch: hello, port: 0 })
    expect(await server.close()).toEqual({ destroyedConnections: 0, call: 'first' })
    expect(server.status).toBe('stopped')
    await server.closed
  })

  it('called while listen is under way waits for it', async () => {
    const server = createServer({ fetch: hello, port: 0 })
    const listening = server.listen()
    await server.close()
    await listening
    expect(server.status).toBe('stopped')
  })

  it('closes idle connections at once, also ones that never said a word', async () => {
    const server = await serving({ fetch: hello })
    const silent = await rawClient(server.port)
    const idle = await rawClient(server.port)
    idle.send(GET)
    await idle.until('hello')
    expect(await server.close({ timeoutMs: Infinity })).toEqual({ destroyedConnections: 0, call: 'first' })
    await Promise.all([silent.closed, idle.closed])
  })

  it('lets requests in flight finish, tells them to close, and accepts no others', async () => {
    const answer = Promise.withResolvers<Response>()
    const server = await serving({ fetch: () => answer.promise })
    const client = await rawClient(server.port)
    client.send(GET)
    await eventually(() => server.requestsInFlight === 1)
    const closing = server.close({ timeoutMs: Infinity })
    await eventually(() => server.status === 'stopping')
    await expect(rawClient(server.port ?? 0)).rejects.toThrow('ECONNREFUSED')
    answer.resolve(textResponse('late'))
    expect(await client.closed).toMatch(/Connection: close[^]*late$/i)
    expect(await closing).toEqual({ destroyedConnections: 0, call: 'first' })
  })

  it('closes a connection whose response had promised to keep it', async () => {
    let finish: (() => void) | undefined
    const server = await serving({
      fetch: () =>
        new Response(
          new ReadableStream({
            start(controller) {
              controller.enqueue(new TextEncoder().encode('begun'))
              finish = () => {
                controller.close()
              }
            },
          }),
        ),
    })
    const client = await rawClient(server.port)
    client.send(GET)
    expect(await client.until('begun')).toMatch(/connection: keep-alive/i)
    const closing = server.close({ timeoutMs: Infinity })
    await eventually(() => server.status === 'stopping')
    finish?.()
    await client.closed
    expect(await closing).toEqual({ destroyedConnections: 0, call: 'first' })
  })

  it('destroys what is open at the deadline, and aborts its request.signal only then', async () => {
    let fire: (() => void) | undefined
    const signals: AbortSignal[] = []
    const server = await serving({
      fetch: (request) => {
        signals.push(request.signal)
        return new Promise<Response>(() => {})
      },
      // Whose timer is another.
      responseStallTimeoutMs: 0,
      runtime: {
        setTimeout: (callback) => {
          fire = callback
          return 1
        },
        clearTimeout: () => {},
      },
    })
    const client = await rawClient(server.port)
    client.send(GET)
    await eventually(() => signals.length === 1)
    const closing = server.close({ timeoutMs: 60_000 })
    await eventually(() => fire !== undefined)
    expect(signals[0]?.aborted).toBe(false)
    fire?.()
    expect(await closing).toEqual({ destroyedConnections: 1, call: 'first' })
    expect(signals[0]?.aborted).toBe(true)
    expect(server.requestsInFlight).toBe(0)
    await client.closed
  })

  it('aborts context.closing at the start, and breaks event streams off one turn later that do not end', async () => {
    const server = await serving({
      fetch: (_request, { closing }) =>
        new Response(
          new ReadableStream({
            start(controller) {
              const encoder = new TextEncoder()
              controller.enqueue(encoder.encode('data: begun\n\n'))
              closing.addEventListener('abort', () => {
                controller.enqueue(encoder.encode('retry: 7\n\n'))
              })
            },
          }),
          { headers: { 'content-type': 'text/event-stream' } },
        ),
    })
    const client = await rawClient(server.port)
    client.send(GET)
    await client.until('begun')
    expect(await server.close({ timeoutMs: Infinity })).toEqual({ destroyedConnections: 0, call: 'first' })
    expect(await client.closed).toMatch(/a\r\nretry: 7\n\n\r\n$/)
  })

  it("waits for event streams where eventStreams is 'wait'", async () => {
    let end: (() => void) | undefined
    const server = await serving({
      fetch: () =>
        new Response(
          new ReadableStream({
            start(controller) {
              end = () => {
                controller.close()
              }
            },
          }),
          { headers: { 'content-type': 'text/event-stream' } },
        ),
    })
    const client = await rawClient(server.port)
    client.send(GET)
    await client.until('\r\n\r\n')
    const closing = server.close({ timeoutMs: Infinity, eventStreams: 'wait' })
    await eventually(() => server.status === 'stopping')
    await new Promise((resolve) => {
      setImmediate(() => setImmediate(resolve))
    })
    expect(server.requestsInFlight).toBe(1)
    end?.()
    await closing
    expect(await client.closed).toMatch(/0\r\n\r\n$/)
  })

  it('called again changes nothing, waits for the same end, and says that it is not the first', async () => {
    const server = await serving({ fetch: hello })
    const first = server.close({ timeoutMs: 5 })
    const second = server.close({ timeoutMs: 0 })
    expect(await Promise.all([first, second, server.close()])).toEqual([
      { destroyedConnections: 0, call: 'first' },
      { destroyedConnections: 0, call: 'repeated' },
      { destroyedConnections: 0, call: 'repeated' },
    ])
    await server.closed
  })

  it.each([-1, Number.NaN, 2 ** 31])('refuses %s milliseconds', async (timeoutMs) => {
    const server = await serving({ fetch: hello })
    expect(() => server.close({ timeoutMs })).toThrow(expect.objectContaining({ option: 'timeoutMs' }))
    expect(server.status).toBe('running')
  })

  it('is what await using does', async () => {
    let closed: Promise<void> | undefined
    let status: (() => string) | undefined
    {
      await using server = createServer({ fetch: hello, port: 0 })
      await server.listen()
      closed = server.closed
      status = () => server.status
    }
    await closed
    expect(status?.()).toBe('stopped')
  })

  it('tells the logger of the life of the server', async () => {
    const logger = recordingLogger()
    const server = await serving({ fetch: hello, logger })
    await server.close()
    expect(logger.records.map((record) => record.event)).toEqual(['listening', 'stopping', 'stopped'])
  })
})
