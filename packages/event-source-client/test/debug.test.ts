import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { startScriptedServer } from '@sse-toolkit/testing/node'
import { describe, expect, it } from 'vitest'
import { debugChannelName, debugStatus, debugTransport, formatDebugEvent } from '../src/debug/index.ts'
import type { DebugEvent } from '../src/debug/index.ts'
import { createEventSource, EventSource } from '../src/index.ts'
import { createMemoryServer } from './memory-transport.ts'

const reconnection = { baseDelayMs: 60_000, minDelayMs: 60_000, maxDelayMs: 60_000, backoff: () => 60_000 }

describe('debugTransport', () => {
  it('reports each request, response, chunk and end, without changing the stream', async () => {
    const server = createMemoryServer()
    const events: DebugEvent[] = []
    const client = createEventSource('http://me:secret@test/path', {
      headers: { authorization: 'Bearer x', 'x-api-key': 'k', 'x-shown': 's' },
      secretHeaders: ['X-Api-Key'],
      reconnection,
      transport: debugTransport((event) => events.push(event), { transport: server.transport }),
    })
    const data: string[] = []
    client.onAny((event) => data.push(event.data))
    await nextTurn()
    server.last.respond(200, { 'content-type': 'text/event-stream', 'set-cookie': 'secret=1' })
    server.last.write('data: a\n\n')
    server.last.end()
    await nextTurn()
    expect(data).toEqual(['a'])
    const elapsedMs = expect.any(Number)
    expect(events).toEqual([
      {
        type: 'request',
        exchange: 1,
        method: 'GET',
        url: 'http://me:***@test/path',
        headers: { accept: 'text/event-stream', authorization: '***', 'x-api-key': '***', 'x-shown': 's' },
      },
      {
        type: 'response',
        exchange: 1,
        status: 200,
        url: expect.any(String),
        headers: { 'content-type': 'text/event-stream', 'set-cookie': '***' },
        elapsedMs,
      },
      { type: 'chunk', exchange: 1, byteCount: 9 },
      { type: 'end', exchange: 1, byteCount: 9, elapsedMs },
    ])
    client.close()
  })

  it('reports an error and an abort once each, and numbers the exchanges', async () => {
    const server = createMemoryServer()
    const events: DebugEvent[] = []
    const client = createEventSource('http://test/', {
      reconnection,
      transport: debugTransport((event) => events.push(event), { transport: server.transport }),
    })
    await nextTurn()
    server.last.fail(new Error('reset'))
    await nextTurn()
    client.reconnect()
    await nextTurn()
    client.close()
    expect(events.map(({ type }) => type)).toEqual(['request', 'error', 'request', 'abort'])
    expect(events[3]).toMatchObject({ exchange: 2 })
  })

  it("wraps the platform's transport by default, and the fetch transport if fetch is given", async () => {
    await using server = await startScriptedServer(async (exchange) => {
      await exchange.writeEventStreamHead()
      await exchange.writeBody('data: a\n\n')
    })
    for (const options of [{}, { fetch: (...request: Parameters<typeof fetch>) => fetch(...request) }]) {
      const types: string[] = []
      const source = new EventSource(server.url, {
        transport: debugTransport(({ type }) => types.push(type), options),
      })
      await new Promise((resolve) => {
        source.addEventListener('message', resolve)
      })
      source.close()
      expect(types).toEqual(['request', 'response', 'chunk', 'abort'])
    }
  })

  it('the events also go to the diagnostics channel', async () => {
    const seen: unknown[] = []
    const listener = (message: unknown): void => void seen.push(message)
    subscribe(debugChannelName, listener)
    const client = createEventSource('http://test/', {
      transport: debugTransport(undefined, { transport: createMemoryServer().transport }),
    })
    await nextTurn()
    client.close()
    unsubscribe(debugChannelName, listener)
    expect(seen).toMatchObject([{ type: 'request' }, { type: 'abort' }])
  })

  it('an error thrown by the report function is an uncaught error, and the stream goes on', async () => {
    const server = createMemoryServer()
    const uncaught: unknown[] = []
    const known = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', (error) => uncaught.push(error.message))
    const client = createEventSource('http://test/', {
      transport: debugTransport(
        () => {
          throw new Error('mine')
        },
        { transport: server.transport },
      ),
    })
    await nextTurn()
    server.last.respond()
    expect(client.status.state).toBe('open')
    client.close()
    await nextTurn()
    process.removeAllListeners('uncaughtException')
    for (const listener of known) process.on('uncaughtException', listener)
    expect(uncaught).toEqual(['mine', 'mine', 'mine'])
  })
})

describe('debugStatus and formatDebugEvent', () => {
  it('prints one line per event: a delay with its reason, an end with its cause', async () => {
    const server = createMemoryServer()
    const lines: string[] = []
    const report = (event: DebugEvent): void =>
      void lines.push(formatDebugEvent(event).replace(/\d+ ms$/, 'n ms'))
    const client = createEventSource('http://test/', {
      reconnection,
      transport: debugTransport(report, { transport: server.transport }),
    })
    const stop = debugStatus(client, report)
    await nextTurn()
    server.last.respond()
    client.onAny(() => {})
    server.last.write('data: a\n\n')
    server.last.end()
    await nextTurn()
    client.reconnect()
    await nextTurn()
    server.last.respond(404, { 'content-type': 'text/html' })
    server.last.end()
    await nextTurn()
    stop()
    expect(lines).toEqual([
      'connecting',
      '#1 GET http://test/',
      '#1 200 text/event-stream after n ms',
      'open',
      '#1 9 bytes',
      '#1 end after 9 bytes and n ms',
      'reconnecting in 60000 ms (attempt 1): ended, The server ended the stream',
      'connecting',
      '#2 GET http://test/',
      '#2 404 text/html after n ms',
      '#2 end after 0 bytes and n ms',
      expect.stringMatching(/^closed \(refused\): status, .*expected status 200, got 404/),
    ])
  })
})
