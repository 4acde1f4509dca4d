import type { ServerResponse } from 'node:http'
import { constants } from 'node:http2'
import type { Http2ServerResponse } from 'node:http2'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { createGzip } from 'node:zlib'
import { describe, expect, it, vi } from 'vitest'
import { createHub, respond, respondRaw } from '@sse-toolkit/sse-server'
import { sendResponse } from '@sse-toolkit/sse-server/node'
import { patience } from '@sse-toolkit/test-support'
import { connectRaw, serve, serveHttp2 } from './servers.ts'

const quiet = { heartbeatIntervalMs: 0, onError: () => undefined }
const get = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'

function* failing(): Generator<string> {
  yield 'data: 1\n\n'
  throw new Error('the upstream broke')
}

function* failingEvents(): Generator<string> {
  yield '1'
  throw new Error('the upstream broke')
}

const endings: readonly (readonly [string, boolean, () => Response])[] = [
  ['a raw source that fails', true, () => respondRaw(failing, quiet)],
  ['an upstream that is cut', true, () => respondRaw(cutUpstream(), quiet)],
  [
    'a source whose failure breaks the transfer',
    true,
    () => respond(failingEvents, { ...quiet, sourceFailure: 'break' }),
  ],
  ['a source whose failure is announced', false, () => respond(failingEvents, quiet)],
  ['a raw source that comes to its end', false, () => respondRaw(['data: 1\n\n'], quiet)],
]

/** As `(await fetch(upstream)).body` of an upstream that dies. */
function cutUpstream(): ReadableStream<Uint8Array> {
  let pulls = 0
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      pulls += 1
      if (pulls === 1) controller.enqueue(new TextEncoder().encode('data: 1\n\n'))
      else controller.error(new TypeError('terminated'))
    },
  })
}

/** What a reader of content gets: its text, and whether it was whole. */
async function readAll(url: string): Promise<readonly [text: string, isWhole: boolean]> {
  const response = await fetch(url)
  const decoder = new TextDecoder()
  let text = ''
  try {
    for await (const chunk of response.body ?? [])
      text += decoder.decode(chunk as Uint8Array, { stream: true })
    return [text, true]
  } catch {
    return [text, false]
  }
}

/**
 * What comes on a connection, and how the server ends it. Byte by byte: a read that does not fill its buffer makes the libuv of
 * Node 22 take the reset behind it for a FIN.
 */
async function readToTheEnd(port: number, request: string): Promise<readonly [string, 'fin' | 'rst']> {
  let text = ''
  let end: 'fin' | 'rst' = 'fin'
  const callback = (_count: number, bytes: Uint8Array): boolean => {
    text += String.fromCharCode(...bytes)
    return true
  }
  const socket = connect({ port, host: '127.0.0.1', onread: { buffer: Buffer.alloc(1), callback } })
  socket.on('error', () => {
    end = 'rst'
  })
  socket.write(request)
  await new Promise((resolve) => {
    socket.once('close', resolve)
  })
  return [text, end]
}

describe('an incomplete stream breaks the transfer after the events already sent', () => {
  it.each(endings)('over HTTP/1.1: %s', async (_name, isBroken, make) => {
    await using server = await serve((_request, response) => void sendResponse(response, make()))
    const [text, isWhole] = await readAll(server.url)
    expect(text).toContain('data: 1\n\n')
    expect(isWhole).toBe(!isBroken)
  })

  it.each(endings)(
    'over HTTP/1.0, where the end of the connection is the end of the content: %s',
    async (_name, isBroken, make) => {
      await using server = await serve((_request, response) => void sendResponse(response, make()))
      const [text, end] = await readToTheEnd(server.port, 'GET / HTTP/1.0\r\n\r\n')
      expect(text).toContain('data: 1\n\n')
      expect(end).toBe(isBroken ? 'rst' : 'fin')
    },
  )

  it.each(endings)(
    'behind middleware that wraps the response, as compression does: %s',
    async (_name, isBroken, make) => {
      await using server = await serve((_request, response) => {
        compress(response)
        return sendResponse(response, make())
      })
      const [text, isWhole] = await readAll(server.url)
      expect(text).toContain('data: 1\n\n')
      expect(isWhole).toBe(!isBroken)
    },
  )

  it.each(endings)(
    'over HTTP/2, and the other streams of the connection go on: %s',
    async (_name, isBroken, make) => {
      await using server = await serveHttp2(
        (_request, response: Http2ServerResponse) => void sendResponse(response, make()),
      )
      const other = server.session.request({ ':path': '/' })
      const stream = server.session.request({ ':path': '/' })
      for (const each of [other, stream]) each.on('error', () => undefined)
      let text = ''
      stream.setEncoding('utf8').on('data', (piece: string) => {
        text += piece
      })
      await new Promise((resolve) => {
        stream.once('close', resolve)
      })
      expect(text).toContain('data: 1\n\n')
      expect(stream.rstCode).toBe(isBroken ? constants.NGHTTP2_INTERNAL_ERROR : constants.NGHTTP2_NO_ERROR)
      expect(server.session.destroyed).toBe(false)
    },
  )

  it('gives a slow reader everything sent before', async () => {
    const hub = createHub({ ...quiet, maxBufferedBytes: 20_000_000 })
    await hub.run('answer', async function* ({ signal }) {
      yield 'begin'
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve)
      })
    })
    await using server = await serve(async (_request, response) =>
      sendResponse(response, await hub.subscribe(new Request('http://localhost/'), { topics: ['answer'] })),
    )
    const client = await connectRaw(server.port, get)
    await client.until(/begin/)
    client.socket.pause()
    for (let n = 0; n < 70; n += 1) await hub.publish('answer', { data: `${n} ${'x'.repeat(100_000)}` })
    hub.disconnect(() => true)
    client.socket.resume()
    await client.closed
    expect(client.text).toContain('data: 69 x')
    expect(client.text).not.toMatch(/0\r\n\r\n$/)
    await hub.close()
  })
})

it('does not reset a slow reader of HTTP/1.0 while what was sent before still waits in the process', async () => {
  // More than the kernel keeps for both sides together. What its send buffer holds is lost with a reset, whatever we do.
  const events = 300
  const event = 'x'.repeat(100_000)
  const sockets: Socket[] = []
  await using server = await serve((request, response) => {
    sockets.push(request.socket)
    void sendResponse(
      response,
      respondRaw(
        (function* () {
          for (let n = 0; n < events; n += 1) yield `data: ${event}\n\n`
          throw new Error('the upstream broke')
        })(),
        { ...quiet, maxBufferedBytes: 2 * events * event.length },
      ),
    )
  })
  const client = await connectRaw(server.port, 'GET / HTTP/1.0\r\n\r\n')
  await client.until(/data: x/)
  client.socket.pause()
  const [socket] = sockets
  // Nobody reads: as often as the event loop turns, nothing more leaves the process.
  let waiting = -1
  await vi.waitUntil(() => {
    const before = waiting
    waiting = socket?.writableLength ?? 0
    return waiting === before
  }, patience)
  expect(waiting).toBeGreaterThan(0)
  expect(socket?.destroyed).toBe(false)
  client.socket.resume()
  await client.closed
  expect(client.text.length).toBeGreaterThan((events * event.length) / 2)
})

/** As the middleware of the package compression wraps a response. */
function compress(response: ServerResponse): void {
  const gzip = createGzip()
  const write: (chunk: Uint8Array) => boolean = response.write.bind(response)
  const end: () => void = response.end.bind(response)
  response.setHeader('content-encoding', 'gzip')
  gzip.on('data', (chunk: Uint8Array) => write(chunk))
  gzip.on('end', end)
  Object.assign(response, {
    write: (chunk: string | Uint8Array) => gzip.write(chunk),
    end: () => gzip.end(),
    flush: () => gzip.flush(),
  })
}
