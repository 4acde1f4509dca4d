import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer as createNodeServer } from 'node:http'
import { connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, expect, expectTypeOf, it } from 'vitest'
import * as client from '@sse-toolkit/event-source-client'
import * as core from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import * as server from '@sse-toolkit/sse-server'
import { sendResponse } from '@sse-toolkit/sse-server/node'
import { createFakeServer } from '@sse-toolkit/testing'

// Each package is installed alone, so each has a copy of what two of them need. The copies must not drift apart.

describe('the copies have one shape', () => {
  it('the interface between a response and the server that sends it', () => {
    expectTypeOf<core.SharedBytes>().toEqualTypeOf<server.SharedBytes>()
    expectTypeOf<core.ByteSink>().toEqualTypeOf<server.ByteSink>()
    expectTypeOf<core.ByteSinkListener>().toEqualTypeOf<server.ByteSinkListener>()
    expectTypeOf<core.ByteSource>().toEqualTypeOf<server.ByteSource>()
    expect(core.byteSourceSymbol).toBe(server.byteSourceSymbol)
  })

  it('the runtime: members that two packages share have the same types', () => {
    type Shared<One, Other> = Pick<One, keyof One & keyof Other>
    expectTypeOf<Shared<core.Runtime, server.Runtime>>().toEqualTypeOf<Shared<server.Runtime, core.Runtime>>()
    expectTypeOf<Shared<client.Runtime, server.Runtime>>().toEqualTypeOf<
      Shared<server.Runtime, client.Runtime>
    >()
  })
})

it('the code that reads unacknowledged data is identical', async () => {
  const [one = '', other = ''] = await Promise.all(
    ['http-core/src/node/connection', 'sse-server/src/node'].map((room) =>
      readFile(new URL(`../../packages/${room}/unacknowledged-data.ts`, import.meta.url), 'utf8'),
    ),
  )
  const importOfRuntime = /from '[./]+runtime\.ts'/
  expect(one).toMatch(importOfRuntime)
  expect(other.replace(importOfRuntime, '')).toBe(one.replace(importOfRuntime, ''))
})

describe('an invalid option', () => {
  it.each<[string, () => unknown]>([
    ['sse-server', () => server.createHub({ heartbeatIntervalMs: -1 })],
    ['http-core', () => createServer({ fetch: () => new Response(), idleTimeoutMs: -1 })],
    ['event-source-client', () => client.createEventSource('http://localhost/', { connectTimeoutMs: -1 })],
    ['testing', () => createFakeServer({ reconnectionTimeMs: -1 })],
  ])('is refused by %s with its name, its value, and what was expected', (_name, call) => {
    expect(call).toThrow(
      expect.objectContaining({
        name: 'OptionError',
        code: 'invalid-option',
        option: expect.stringMatching(/^\w+$/),
        value: -1,
        message: expect.stringMatching(/^\w+: expected .+, got -1\.$/),
      }),
    )
  })
})

interface Attached {
  readonly sink: server.ByteSink
  readonly events: string[]
}

/** A source that notes what becomes of it, behind a server that knows the seam. */
type Serve = (source: server.ByteSource) => Promise<AsyncDisposable & { readonly port: number }>

const servers: readonly (readonly [string, Serve])[] = [
  [
    'http-core',
    async (source) => {
      const running = createServer({ fetch: () => responseWith(source), port: 0 })
      await running.listen()
      return {
        port: Number(running.port),
        [Symbol.asyncDispose]: async () => void (await running.close({ timeoutMs: 0 })),
      }
    },
  ],
  [
    "sse-server's adapter for node:http",
    async (source) => {
      const running = createNodeServer((_req, res) => void sendResponse(res, responseWith(source)))
      running.listen(0, '127.0.0.1')
      await once(running, 'listening')
      return {
        port: (running.address() as AddressInfo).port,
        [Symbol.asyncDispose]: async () => {
          running.closeAllConnections()
          running.close()
          await once(running, 'close')
        },
      }
    },
  ],
]

function responseWith(source: server.ByteSource): Response {
  const headers = { 'content-type': 'text/event-stream' }
  return Object.assign(new Response(new ReadableStream(), { headers }), { [server.byteSourceSymbol]: source })
}

const shared: server.SharedBytes = {
  bytes: Buffer.from(':\n\n'),
  chunk: Buffer.from('3\r\n:\n\n\r\n'),
}

/** Serves one response, and resolves when its output has been attached. */
async function open(
  serve: Serve,
  attached: (sink: server.ByteSink) => void,
): Promise<Attached & AsyncDisposable & { readonly leave: () => void }> {
  const events: string[] = []
  const opened = Promise.withResolvers<server.ByteSink>()
  const running = await serve({
    attach(sink) {
      attached(sink)
      events.push('attached')
      opened.resolve(sink)
      return { drained: () => void events.push('drained'), closed: () => void events.push('closed') }
    },
  })
  const socket = connect(running.port, '127.0.0.1').resume()
  socket.on('error', () => undefined)
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
  return {
    sink: await opened.promise,
    events,
    leave: () => socket.destroy(),
    async [Symbol.asyncDispose]() {
      socket.destroy()
      await running[Symbol.asyncDispose]()
    },
  }
}

describe.each(servers)('an output of %s', (_name, serve) => {
  it.each<[string, (sink: server.ByteSink) => void]>([
    ['closed', (sink) => sink.close()],
    ['aborted', (sink) => sink.abort()],
  ])('that is %s within attach reports it once, afterwards', async (_how, end) => {
    await using opened = await open(serve, end)
    await expect.poll(() => opened.events).toEqual(['attached', 'closed'])
    opened.sink.close()
    opened.sink.abort()
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
    expect(opened.events).toEqual(['attached', 'closed'])
  })

  it('accepts nothing after its end, and reports that', async () => {
    await using opened = await open(serve, () => undefined)
    expect(opened.sink.write(shared)).toBe(true)
    opened.leave()
    await expect.poll(() => opened.events).toEqual(['attached', 'closed'])
    expect(opened.sink.write(shared)).toBe(false)
    opened.sink.close()
    expect(opened.sink.write(shared)).toBe(false)
    expect(opened.events).toEqual(['attached', 'closed'])
  })
})
