import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startScriptedServer } from '@sse-toolkit/testing/node'
import type { ScriptedServer } from '@sse-toolkit/testing/node'
import { describe, expect, it } from 'vitest'
import { createEventSource, EventSource } from '../src/index.ts'
import type { EventSourceInit } from '../src/index.ts'
import { foreignServers, tableOfRows } from './foreign-servers.ts'
import type { ForeignServer } from './foreign-servers.ts'

function serve({ status = 200, headers = [], body, ends }: ForeignServer): Promise<ScriptedServer> {
  return startScriptedServer(async (exchange) => {
    const fields = [...headers]
    if (!fields.some(([name]) => name === 'content-type')) fields.push(['content-type', 'text/event-stream'])
    if (status !== 204) fields.push(['transfer-encoding', 'chunked'])
    const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    await exchange.write(`HTTP/1.1 ${status} \r\n${head}\r\n`)
    if (status === 204) return
    const content = Buffer.from(body)
    await exchange.write(`${content.length.toString(16)}\r\n`)
    await exchange.write(content)
    await exchange.write('\r\n')
    if (ends === 'end') await exchange.write('0\r\n\r\n')
    if (ends === 'cut') exchange.end()
  })
}

/** Long enough that a reconnecting client is seen waiting. */
const reconnection = { baseDelayMs: 60_000, minDelayMs: 60_000 }

const transports: [name: string, options: EventSourceInit][] = [
  ['undici', {}],
  ['fetch', { fetch: (url, init) => globalThis.fetch(url, init) }],
]

describe.concurrent.each(transports)('other servers, over %s', (_name, options) => {
  it.each(foreignServers)('createEventSource: $name', async (server) => {
    await using running = await serve(server)
    const client = createEventSource(running.url, {
      ...options,
      reconnection,
      ...(server.method !== undefined && { method: server.method }),
    })
    const events: string[] = []
    client.onAny(({ type, data, lastEventId }) => events.push(`${type} ${data} ${lastEventId}`))
    const state = (): string =>
      client.status.state === 'closed' ? client.status.reason : client.status.state
    await expect
      .poll(() => ({ events, state: state() }))
      .toEqual({ events: server.events ?? [], state: server.client })
    client.close()
  })

  it.each(foreignServers)('EventSource: $name', async (server) => {
    await using running = await serve(server)
    const source = new EventSource(running.url, {
      ...options,
      reconnection,
      ...(server.method !== undefined && { method: server.method }),
    })
    const events: string[] = []
    const states: string[] = []
    for (const type of ['message', 'x', 'stream.end', 'stream.gap'])
      source.addEventListener(type, (event) => events.push(`${type} ${event.data} ${event.lastEventId}`))
    source.addEventListener('open', () => states.push('open'))
    source.addEventListener('error', () => states.push(source.readyState === 2 ? 'closed' : 'reconnecting'))
    await expect
      .poll(() => ({ events, state: states.at(-1) }))
      .toEqual({ events: server.events ?? [], state: server.source })
    source.close()
  })
})

describe('docs/reference/client-behavior.md', () => {
  it('the table "What it does when" lists exactly these servers', async () => {
    const page = await readFile(
      join(import.meta.dirname, '../../../docs/reference/client-behavior.md'),
      'utf8',
    )
    // The formatter pads the cells.
    const squeeze = (text: string): string => text.replaceAll(/ +\|/g, ' |').replaceAll(/-+/g, '---')
    expect(squeeze(page)).toContain(squeeze(tableOfRows()))
  })
})
