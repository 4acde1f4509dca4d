import { getEventListeners } from 'node:events'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Agent, get } from 'node:http'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { byteSourceSymbol, createRouter, textResponse, writerResponse } from '../src/index.ts'
import type {
  RequestEndEvent,
  RequestFailedEvent,
  RequestRefusedEvent,
  RequestStartEvent,
} from '../src/node/index.ts'
import { rawClient, rawExchange } from './raw-client.ts'
import { eventually, serving } from './serving.ts'

const echo = (request: Request): Promise<Response> => request.text().then((text) => textResponse(text))

const signalled = (request: Request): Promise<Response> =>
  Promise.resolve(textResponse(String(request.signal.aborted)))

function collect<T>(name: string): T[] {
  const events: T[] = []
  const listener = (event: unknown): void => {
    events.push(event as T)
  }
  subscribe(`sse-toolkit.http-core.${name}`, listener)
  onTestFinished(() => {
    unsubscribe(`sse-toolkit.http-core.${name}`, listener)
  })
  return events
}

describe('nothing is left', () => {
  it('on a connection that has answered a thousand requests of every kind', async () => {
    const router = createRouter()
    router.get('/sync', () => textResponse('x'))
    router.get('/async', signalled)
    router.get('/stream', () => new Response(ReadableStream.from([Buffer.from('x')])))
    router.get('/source', () =>
      Object.assign(new Response(null), {
        [byteSourceSymbol]: {
          attach: (sink: { close(): void }) => {
            sink.close()
            return { drained() {}, closed() {} }
          },
        },
      }),
    )
    router.post('/body', echo)
    router.get('/fails', () => Promise.reject(new Error('boom')))
    const started = collect<RequestStartEvent>('request.start')
    const server = await serving({ fetch: router.fetch })

    const client = await rawClient(server.port)
    let sent = 0
    const kinds = [
      'GET /sync',
      'GET /async',
      'GET /stream',
      'GET /source',
      'GET /fails',
      'GET /none',
      'HEAD /sync',
    ]
    const counts: number[] = []
    const socketOf = (): Socket => (started.at(-1) as RequestStartEvent).message.socket
    const listeners = (): number => {
      const socket = socketOf()
      return socket.eventNames().reduce((sum, name) => sum + socket.listenerCount(name), 0)
    }
    while (sent < 1000) {
      const kind = kinds[sent % kinds.length]
      client.send(`${kind} HTTP/1.1\r\nHost: a\r\n\r\n`)
      client.send('POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc')
      sent += 2
      await eventually(() => started.length === sent && server.requestsInFlight === 0)
      if (sent === 100 || sent === 1000) counts.push(listeners())
    }
    expect(counts[1]).toBe(counts[0])
    expect([server.requestsInFlight, server.activeConnections]).toEqual([0, 1])
    client.destroy()
    await eventually(() => server.activeConnections === 0)
  })

  it('after a thousand clients that went away at every stage', async () => {
    const closings: AbortSignal[] = []
    const signals: AbortSignal[] = []
    let cancelled = 0
    let closed = 0
    const router = createRouter()
    router.get('/never', (request, { closing }) => {
      closings.push(closing)
      signals.push(request.signal)
      return new Promise<Response>(() => {})
    })
    router.get('/stream', () => new Response(new ReadableStream({ cancel: () => void (cancelled += 1) })))
    router.get('/source', () =>
      Object.assign(new Response(null, { headers: { 'content-type': 'text/event-stream' } }), {
        [byteSourceSymbol]: { attach: () => ({ drained() {}, closed: () => void (closed += 1) }) },
      }),
    )
    router.get('/flood', () =>
      writerResponse(async (writer) => {
        for (;;) await writer.write(new Uint8Array(30_000))
      }),
    )
    router.post('/body', echo)
    const server = await serving({ fetch: router.fetch })
    const stages: readonly [bytes: string, until?: RegExp][] = [
      [''],
      ['GET /never HTT'],
      ['GET /never HTTP/1.1\r\nHost: a\r\n\r\n'],
      ['GET /stream HTTP/1.1\r\nHost: a\r\n\r\n', /\r\n\r\n$/],
      ['GET /source HTTP/1.1\r\nHost: a\r\n\r\n', /\r\n\r\n$/],
      ['GET /flood HTTP/1.1\r\nHost: a\r\n\r\n', /\r\n\r\n/],
      ['POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc'],
    ]
    const visit = async (index: number): Promise<void> => {
      const [bytes, until] = stages[index % stages.length] ?? ['']
      const client = await rawClient(server.port)
      client.send(bytes)
      if (until !== undefined) await client.until(until)
      else if (bytes.endsWith('\r\n\r\n')) await eventually(() => signals.length > 0)
      if (index % 2 === 0) client.socket.resetAndDestroy()
      else client.destroy()
    }
    for (let round = 0; round < 1001; round += 7) {
      await Promise.all(stages.map((_stage, stage) => visit(stage + round)))
    }
    await eventually(() => server.activeConnections === 0 && server.requestsInFlight === 0)
    await eventually(() => cancelled === 143 && closed === 143)
    expect(signals.length).toBeGreaterThan(0)
    expect(signals.every((signal) => signal.aborted)).toBe(true)
    // One signal for the whole server: whatever listens to it must be gone by now, and ours never does.
    expect(new Set(closings).size).toBe(1)
    expect(closings.flatMap((signal) => getEventListeners(signal, 'abort'))).toEqual([])
    expect(await server.close({ timeoutMs: Infinity })).toEqual({ destroyedConnections: 0, call: 'first' })
  })

  it('of the process when the server has closed: no timer, no handle', async () => {
    const sockets = (): string[] =>
      process.getActiveResourcesInfo().filter((resource) => resource.startsWith('TCP'))
    // What earlier tests closed is gone a turn later.
    await eventually(() => sockets().length === 0)
    const before = process.getActiveResourcesInfo()
    // What was there before may go meanwhile: it is the test runner's.
    const more = (): string[] => {
      const known = [...before]
      return process.getActiveResourcesInfo().filter((resource) => {
        const index = known.indexOf(resource)
        if (index !== -1) known.splice(index, 1)
        return index === -1
      })
    }
    const server = await serving({ fetch: () => textResponse('x') })
    const agent = new Agent({ keepAlive: true })
    const [response] = (await once(get(server.url, { agent }), 'response')) as [IncomingMessage]
    response.resume()
    await once(response, 'end')
    await server.close()
    agent.destroy()
    await eventually(() => sockets().length === 0)
    // The runner's own come and go within a turn or two; the shortest timer of a server is a second.
    await expect.poll(more, { timeout: 500 }).toEqual([])
  })
})

describe('diagnostics channels', () => {
  it('tell of each request: start, end, refusal, failure', async () => {
    const [started, ended, refused, failed] = [
      collect<RequestStartEvent>('request.start'),
      collect<RequestEndEvent>('request.end'),
      collect<RequestRefusedEvent>('request.refused'),
      collect<RequestFailedEvent>('request.failed'),
    ]
    const listening = collect('listening')
    const server = await serving({
      fetch: (request) => {
        if (request.url.endsWith('/boom')) throw new Error('boom')
        if (request.url.endsWith('/never')) return new Promise<Response>(() => {})
        return textResponse('x', { status: 201 })
      },
    })
    expect(listening).toEqual([{ address: server.address }])
    await rawExchange(server.port, 'GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
    await rawExchange(server.port, 'GET /boom HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n')
    await rawExchange(server.port, 'GET /a HTTP/1.1\r\n\r\n')
    await rawExchange(server.port, 'TRACE / HTTP/1.1\r\nHost: h\r\n\r\n')
    const client = await rawClient(server.port)
    client.send('GET /never HTTP/1.1\r\nHost: h\r\n\r\n')
    await eventually(() => started.length === 3)
    client.destroy()
    await eventually(() => ended.length === 3)
    expect(started.map(({ url, message }) => [url, message.method])).toEqual([
      ['http://h/a', 'GET'],
      ['http://h/boom', 'GET'],
      ['http://h/never', 'GET'],
    ])
    expect(ended.map(({ url, status, outcome }) => [url, status, outcome])).toEqual([
      ['http://h/a', 201, 'completed'],
      ['http://h/boom', 500, 'completed'],
      ['http://h/never', 200, 'aborted'],
    ])
    expect(refused).toEqual([{ status: 501, reason: 'the method TRACE', remoteAddress: '127.0.0.1' }])
    expect(failed).toMatchObject([{ url: 'http://h/boom', error: { message: 'boom' } }])
  })
})
