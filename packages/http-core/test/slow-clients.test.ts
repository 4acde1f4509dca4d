import { createVirtualClock } from '@sse-toolkit/testing'
import { describe, expect, it } from 'vitest'
import { bytesResponse, textResponse, writerResponse } from '../src/index.ts'
import { rawClient, statuses } from './raw-client.ts'
import { eventually, recordingLogger, serving } from './serving.ts'

const POST = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n'
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const echo = async (request: Request): Promise<Response> =>
  textResponse(String((await request.text()).length))

describe('a slow body', () => {
  it.each(['light', 'native'] as const)(
    'is a 408 when less than a kilobyte comes in bodyIdleTimeoutMs (%s)',
    async (requests) => {
      const server = await serving({ fetch: echo, bodyIdleTimeoutMs: 50, requests })
      const client = await rawClient(server.port)
      client.send(`${POST}x`)
      const dribble = setInterval(() => {
        client.send('x')
      }, 10)
      expect(statuses(await client.closed)).toEqual([408])
      clearInterval(dribble)
      await eventually(() => server.requestsInFlight === 0)
    },
  )

  it('that only just goes on is waited for', async () => {
    const clock = createVirtualClock()
    let size = 0
    const server = await serving({
      runtime: clock,
      responseStallTimeoutMs: 0,
      bodyIdleTimeoutMs: 100,
      fetch: async (request) => {
        for await (const chunk of request.body ?? []) size += chunk.length
        return textResponse(String(size))
      },
    })
    const client = await rawClient(server.port)
    client.send(POST)
    await eventually(() => clock.pendingTimers === 1)
    for (let sent = 1250; sent <= 5000; sent += 1250) {
      await clock.advance(60)
      client.send('x'.repeat(1250))
      await eventually(() => size === sent)
    }
    expect(await client.until(/\r\n\r\n5000$/)).toMatch(/^HTTP\/1\.1 200 /)
    client.destroy()
  })

  it('is not the client’s fault while the handler does not read', async () => {
    const clock = createVirtualClock()
    const gate = Promise.withResolvers<void>()
    let size = 0
    const server = await serving({
      runtime: clock,
      responseStallTimeoutMs: 0,
      bodyIdleTimeoutMs: 30,
      requests: 'native',
      fetch: async (request) => {
        const reader = request.body?.getReader()
        size = (await reader?.read())?.value?.length ?? 0
        await gate.promise
        for (let chunk = await reader?.read(); chunk?.done === false; chunk = await reader?.read()) {
          size += chunk.value.length
        }
        return textResponse(String(size))
      },
    })
    const client = await rawClient(server.port)
    client.send(`${POST}${'x'.repeat(2000)}`)
    await eventually(() => size > 0)
    await clock.advance(1000)
    client.send('x'.repeat(3000))
    await clock.advance(1000)
    gate.resolve()
    expect(await client.until(/\r\n\r\n5000$/)).toMatch(/^HTTP\/1\.1 200 /)
    client.destroy()
  })

  it('has 20 seconds by default', async () => {
    const delays: number[] = []
    const server = await serving({
      fetch: echo,
      runtime: {
        setTimeout: (_callback, delayMs) => delays.push(delayMs),
        clearTimeout: () => {},
      },
    })
    const client = await rawClient(server.port)
    client.send(`${POST}x`)
    await eventually(() => delays.includes(20_000))
    expect(delays).toContain(20_000)
    client.destroy()
  })
})

describe('a reader that stops reading', () => {
  it.each<[string, () => Response]>([
    ['a large content', () => bytesResponse(new Uint8Array(20_000_000))],
    [
      'an endless stream',
      () =>
        writerResponse(async (writer) => {
          for (;;) await writer.write(new Uint8Array(100_000))
        }),
    ],
  ])('is cut after responseStallTimeoutMs: %s', async (_name, fetch) => {
    const logger = recordingLogger()
    const server = await serving({ fetch, responseStallTimeoutMs: 80, logger })
    const client = await rawClient(server.port)
    client.socket.pause()
    client.send(GET)
    await eventually(() => server.activeConnections === 1)
    await eventually(() => server.activeConnections === 0)
    expect(server.requestsInFlight).toBe(0)
    expect(logger.records.map(({ event }) => event)).toContain('connection-failed')
    client.destroy()
  })

  it('is not one that is slow, nor a stream that is silent', async () => {
    const clock = createVirtualClock()
    const server = await serving({
      runtime: clock,
      responseStallTimeoutMs: 400,
      fetch: (request) =>
        request.url.endsWith('/silent')
          ? new Response(new ReadableStream(), { headers: { 'content-type': 'text/event-stream' } })
          : bytesResponse(new Uint8Array(60_000_000)),
    })
    const silent = await rawClient(server.port)
    silent.send('GET /silent HTTP/1.1\r\nHost: a\r\n\r\n')
    await silent.until('\r\n\r\n')
    const slow = await rawClient(server.port)
    slow.send(GET)
    for (let round = 0; round < 12; round += 1) {
      slow.socket.resume()
      const before = slow.received.length
      // More than what the kernel had of it already: some of it was the server's to send.
      await eventually(() => slow.received.length > before + 2_000_000)
      slow.socket.pause()
      await clock.advance(100)
    }
    expect([slow.socket.destroyed, silent.socket.destroyed]).toEqual([false, false])
    // Now it takes nothing, and is cut.
    await clock.advance(1000)
    await eventually(() => server.activeConnections === 1)
    slow.destroy()
    silent.destroy()
  })
})

describe('a slow head', () => {
  it('is a 408, on a connection that has served requests as well', async () => {
    const server = await serving({
      fetch: () => textResponse('{}'),
      headersTimeoutMs: 100,
      requestTimeoutMs: 100,
    })
    const client = await rawClient(server.port)
    client.send(`${GET}GET / HTT`)
    expect(statuses(await client.closed)).toEqual([200, 408])
  })
})
