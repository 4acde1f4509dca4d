import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { Agent, get as httpGet } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createRouter, textResponse } from '../src/index.ts'
import { rawClient, statuses } from './raw-client.ts'
import type { RawClient } from './raw-client.ts'
import { carrying, recordingSource, shared } from './recording-source.ts'
import { eventually, recordingLogger, serving, turns } from './serving.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

/** Node keeps a connection open after its response, and so does the server: unless it handed the connection over. */
async function closesAfterItsStream(
  source: ReturnType<typeof recordingSource>,
  client: RawClient,
): Promise<boolean> {
  source.sinks.at(-1)?.close()
  await client.until(/0\r\n\r\n$/)
  const before = source.sinks.length
  client.send(GET)
  await eventually(() => client.socket.destroyed || source.sinks.length > before)
  return client.socket.destroyed
}

/** A client whose stream is open, and whose connection was handed over if it can be. */
async function openStream(port: number): Promise<RawClient> {
  const client = await rawClient(port)
  client.send(GET)
  await client.until('\r\n\r\n')
  await turns(3)
  return client
}

describe('the connection of an open event stream', () => {
  it('carries shared chunks, and closes with its stream', async () => {
    const source = recordingSource()
    const server = await serving({ fetch: () => carrying(source) })
    const client = await openStream(server.port)
    const frame = shared('data: x\n\n')
    expect(source.sinks[0]?.write(frame)).toBe(true)
    expect(frame.used).toEqual(['chunk'])
    await client.until(/9\r\ndata: x\n\n\r\n$/)
    expect([server.activeConnections, server.requestsInFlight]).toEqual([1, 1])
    source.sinks[0]?.close()
    expect(await client.closed).toMatch(/9\r\ndata: x\n\n\r\n0\r\n\r\n$/)
    await eventually(() => server.activeConnections === 0)
    expect(server.requestsInFlight).toBe(0)
    expect(source.events).toEqual(['attach', 'closed'])
  })

  it('says that it closes, so that no client sends its next request on it', async () => {
    const server = await serving({
      fetch: ({ url }) =>
        url.endsWith('/stream')
          ? carrying({
              attach: (sink) => {
                setImmediate(() => {
                  sink.close()
                })
                return { drained: () => {}, closed: () => {} }
              },
            })
          : textResponse('next'),
    })
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => {
      agent.destroy()
    })
    const get = async (path: string): Promise<unknown> => {
      const [response] = (await once(httpGet(server.url + path, { agent }), 'response')) as [IncomingMessage]
      response.resume()
      await once(response, 'end')
      return [response.statusCode, response.headers.connection]
    }
    for (let round = 0; round < 10; round += 1) {
      expect(await get('/stream')).toEqual([200, 'close'])
      expect(await get('/next')).toEqual([200, 'keep-alive'])
    }
  })

  it('holds nothing of its request and response', async () => {
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    const source = recordingSource()
    let request: WeakRef<Request> | undefined
    const router = createRouter()
    router.get('/', (given) => {
      request = new WeakRef(given)
      return carrying(source)
    })
    const server = await serving({ fetch: router.fetch })
    const client = await openStream(server.port)
    gc()
    expect(request?.deref()).toBeUndefined()
    expect(source.events).toEqual(['attach'])
    client.destroy()
    await eventually(() => source.events.includes('closed'))
  })

  it.each(['leaves', 'says that it will send no more'])('ends once when its client %s', async (how) => {
    const source = recordingSource()
    const server = await serving({ fetch: () => carrying(source) })
    const client = await openStream(server.port)
    if (how === 'leaves') client.destroy()
    else client.socket.end()
    await eventually(() => server.activeConnections === 0)
    expect(source.events).toEqual(['attach', 'closed'])
    expect(server.requestsInFlight).toBe(0)
    // Too late, and harmless.
    source.sinks[0]?.write(shared('data: x\n\n'))
    source.sinks[0]?.close()
    source.sinks[0]?.abort()
    await turns(2)
    expect(source.events).toEqual(['attach', 'closed'])
  })

  it.each(['before', 'after'])('aborts the signal that was asked for %s the handover', async (when) => {
    const source = recordingSource()
    const requests: Request[] = []
    const router = createRouter()
    router.get('/', (given) => {
      requests.push(given)
      if (when === 'before') expect(given.signal.aborted).toBe(false)
      return carrying(source)
    })
    const server = await serving({ fetch: router.fetch })
    const client = await openStream(server.port)
    const signal = requests[0]?.signal
    expect(signal?.aborted).toBe(false)
    client.destroy()
    await eventually(() => signal?.aborted === true)
    expect(signal?.reason).toMatchObject({ name: 'AbortError' })
  })

  it('aborts no signal when the server has ended the stream', async () => {
    const source = recordingSource()
    const signals: AbortSignal[] = []
    const router = createRouter()
    router.get('/', (given) => {
      signals.push(given.signal)
      return carrying(source)
    })
    const server = await serving({ fetch: router.fetch })
    const client = await openStream(server.port)
    source.sinks[0]?.close()
    await client.closed
    await eventually(() => server.activeConnections === 0)
    expect(signals[0]?.aborted).toBe(false)
  })

  it('goes on when its client sends more, which is not read as a request', async () => {
    const source = recordingSource()
    const server = await serving({ fetch: () => carrying(source) })
    const client = await openStream(server.port)
    client.send(GET.repeat(10_000))
    client.send('no HTTP')
    await turns(20)
    source.sinks[0]?.write(shared('data: x\n\n'))
    await client.until('data: x')
    expect(source.sinks).toHaveLength(1)
    client.destroy()
  })

  it('does not serve what its client sent behind its request', async () => {
    const source = recordingSource()
    const served: string[] = []
    const server = await serving({
      fetch: ({ method }) => {
        served.push(method)
        return method === 'GET' ? carrying(source) : textResponse('ordered')
      },
    })
    const client = await rawClient(server.port)
    client.send(`${GET}POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc${GET}`)
    await client.until('\r\n\r\n')
    await turns(3)
    source.sinks[0]?.write(shared('data: x\n\n'))
    source.sinks[0]?.close()
    expect(await client.closed).toMatch(/connection: close\r\n[^]*data: x\n\n\r\n0\r\n\r\n$/i)
    expect(served).toEqual(['GET'])
    await eventually(() => server.requestsInFlight === 0)
  })

  it('tells when a slow reader has room again', async () => {
    const source = recordingSource()
    const server = await serving({ fetch: () => carrying(source) })
    const client = await openStream(server.port)
    client.socket.pause()
    const sink = source.sinks[0]
    const piece = shared('x'.repeat(1_000_000))
    while (sink?.write(piece) === true) await turns(1)
    expect(sink?.bufferedBytes).toBeGreaterThan(0)
    client.socket.resume()
    await eventually(() => source.events.includes('drained'))
    expect(sink?.bufferedBytes).toBe(0)
    client.destroy()
  })

  it('is ended by a stop, and destroyed at its deadline if the client does not take the end', async () => {
    const source = recordingSource()
    const server = await serving({ fetch: () => carrying(source) })
    const [reader, stopped] = [await rawClient(server.port), await rawClient(server.port)]
    for (const client of [reader, stopped]) {
      client.send(GET)
      await client.until('\r\n\r\n')
    }
    await turns(2)
    stopped.socket.pause()
    const last = source.sinks[1]
    while (last?.write(shared('x'.repeat(1_000_000))) === true) await turns(1)
    expect(await server.close({ timeoutMs: 200 })).toEqual({ destroyedConnections: 1, call: 'first' })
    expect(await reader.closed).toMatch(/0\r\n\r\n$/)
    expect(source.events.filter((event) => event === 'closed')).toHaveLength(2)
  })

  it('is cut alone when what writes to it throws', async () => {
    const logger = recordingLogger()
    const source = recordingSource()
    const server = await serving({
      logger,
      fetch: () =>
        carrying({
          attach: (sink) => ({
            ...source.attach(sink),
            closed: () => {
              throw new Error('boom')
            },
          }),
        }),
    })
    const client = await openStream(server.port)
    client.destroy()
    await eventually(() => server.activeConnections === 0)
    expect(logger.records).toContainEqual(expect.objectContaining({ event: 'body-failed' }))
  })

  describe('is handed over', () => {
    it('on HTTP/1.1, where nothing stands against it', async () => {
      const source = recordingSource()
      const server = await serving({ fetch: () => carrying(source) })
      const client = await openStream(server.port)
      expect(await closesAfterItsStream(source, client)).toBe(true)
    })

    it('after its content has come', async () => {
      const source = recordingSource()
      const server = await serving({
        fetch: async (request) => {
          await request.text()
          return carrying(source)
        },
      })
      const client = await rawClient(server.port)
      client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1234')
      await turns(2)
      client.send('56789')
      expect(await client.until('\r\n\r\n')).toMatch(/\r\nconnection: close\r\n/i)
      await turns(2)
      expect(await closesAfterItsStream(source, client)).toBe(true)
    })

    it.each([
      ['where it is turned off', { socketHandover: 'off' }, GET],
      ['for a response that is no event stream', { type: 'text/plain' }, GET],
      [
        'while the request is still arriving',
        {},
        'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1234',
      ],
    ] as const)('but not %s', async (_why, options, request) => {
      const source = recordingSource()
      const type = 'type' in options ? options.type : 'text/event-stream'
      const server = await serving({
        fetch: () => carrying(source, { headers: { 'content-type': type } }),
        ...('socketHandover' in options && options),
      })
      const client = await rawClient(server.port)
      client.send(request)
      expect(await client.until('\r\n\r\n')).toMatch(/\r\nconnection: keep-alive\r\n/i)
      await turns(2)
      if (request !== GET) client.send('56789')
      expect(await closesAfterItsStream(source, client)).toBe(false)
      client.destroy()
    })

    it.each(['before', 'behind'])('but not while a request %s it is being answered', async (place) => {
      const source = recordingSource()
      const stream = Promise.withResolvers<Response>()
      const later = Promise.withResolvers<Response>()
      const server = await serving({
        fetch: ({ url }) => (url.endsWith('/later') ? later.promise : stream.promise),
      })
      const client = await rawClient(server.port)
      const LATER = GET.replace('/ ', '/later ')
      client.send(place === 'before' ? LATER + GET : GET + LATER)
      await eventually(() => server.requestsInFlight === 2)
      stream.resolve(carrying(source))
      await eventually(() => source.sinks.length === 1)
      await turns(2)
      source.sinks[0]?.close()
      later.resolve(new Response('later\n'))
      const received = await client.until(
        place === 'before' ? /later\n[^]*0\r\n\r\n$/ : /0\r\n\r\n[^]*later\n$/,
      )
      expect(received).not.toMatch(/connection: close/i)
      expect(statuses(received)).toEqual([200, 200])
      client.destroy()
    })

    it('but not while the answer to a request behind it waits for its turn', async () => {
      const source = recordingSource()
      const stream = Promise.withResolvers<Response>()
      let orders = 0
      const server = await serving({
        fetch: ({ url }) => {
          if (!url.endsWith('/order')) return stream.promise
          orders += 1
          return textResponse('ordered')
        },
      })
      const client = await rawClient(server.port)
      client.send(`${GET}POST /order HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`)
      await eventually(() => orders === 1)
      stream.resolve(carrying(source))
      await client.until('\r\n\r\n')
      await turns(2)
      source.sinks[0]?.close()
      expect(await client.until(/ordered$/)).not.toMatch(/connection: close/i)
      client.destroy()
    })

    it('but not while somebody subscribes to the end of requests', async () => {
      const listener = (): void => {}
      subscribe('sse-toolkit.http-core.request.end', listener)
      onTestFinished(() => {
        unsubscribe('sse-toolkit.http-core.request.end', listener)
      })
      const source = recordingSource()
      const server = await serving({ fetch: () => carrying(source) })
      const client = await openStream(server.port)
      expect(await closesAfterItsStream(source, client)).toBe(false)
      client.destroy()
    })
  })

  it('is not configured by what is no choice', async () => {
    await expect(
      serving({ fetch: () => new Response(null), socketHandover: 'on' as 'auto' }),
    ).rejects.toMatchObject({ code: 'invalid-option', option: 'socketHandover' })
  })
})
