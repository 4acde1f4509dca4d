import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer as createNodeServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { createEventSource } from '@sse-toolkit/event-source-client'
import { createServer } from '@sse-toolkit/http-core/node'
import type { ServerOptions } from '@sse-toolkit/http-core/node'
import { toNodeHandler } from '@sse-toolkit/sse-server/node'
import { findBun, findDeno, startProcess } from '@sse-toolkit/test-support'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCertificate } from '../../examples/adapters/self-signed.ts'
import { endings } from '../integration/programs/endings.ts'

// Kinds of end, hosts, and third-party readers: a clean end means "this was all" to every reader.

const program = fileURLToPath(new URL('../integration/programs/endings-app.ts', import.meta.url))
const condition = '--conditions=@sse-toolkit/source'
const bun = findBun()
const deno = findDeno()
const hasCurl = spawnSync('curl', ['--version']).stdout?.includes('HTTP2') ?? false
const mustHave = process.env['CI'] !== undefined && process.env['CI'] !== ''
if (!hasCurl && !mustHave)
  console.warn('Skipping tests: curl with HTTP/2 is not installed: apt-get install curl.')

interface Host extends AsyncDisposable {
  readonly url: string
}

interface HostKind {
  readonly name: string
  /** Why it is skipped. */
  readonly reason: string | undefined
  readonly curlArgs: readonly string[]
  readonly start: () => Promise<Host>
}

async function coreHost(options: Partial<ServerOptions> = {}): Promise<Host> {
  const server = createServer({ port: 0, fetch: endings, ...options })
  await server.listen()
  return {
    url: server.url ?? '',
    [Symbol.asyncDispose]: async () => {
      await server.close({ timeoutMs: 0 })
    },
  }
}

async function nodeHost(): Promise<Host> {
  const server = createNodeServer(toNodeHandler(endings)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function runtimeHost(command: string, args: readonly string[]): Promise<Host> {
  const server = await startProcess({ command, args: [...args], ready: /listening on \S+\n/ })
  return {
    url: /listening on (\S+)/.exec(server.stdout)?.[1] ?? '',
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]()
    },
  }
}

const hosts: readonly HostKind[] = [
  { name: 'http-core', reason: undefined, curlArgs: ['--http1.1'], start: () => coreHost() },
  { name: 'node:http', reason: undefined, curlArgs: ['--http1.1'], start: nodeHost },
  {
    name: 'Bun',
    reason: bun.skip ? bun.reason : undefined,
    curlArgs: ['--http1.1'],
    start: () => runtimeHost(bun.skip ? '' : bun.path, [condition, program]),
  },
  {
    name: 'Deno',
    reason: deno.skip ? deno.reason : undefined,
    curlArgs: ['--http1.1'],
    start: () => runtimeHost(deno.skip ? '' : deno.path, ['run', '--allow-all', condition, program]),
  },
]

/** Whether the transfer is complete for a reader that does not know our events. */
const kinds: readonly (readonly [path: string, isWhole: boolean])[] = [
  ['/completed', true],
  ['/failed-announced', true],
  ['/failed-broken', false],
  ['/raw-failed', false],
  ['/hub-failed-ids-only', false],
  ['/hub-disconnected', false],
  ['/feed-disconnected', true],
]

async function readWithFetch(url: string): Promise<{ text: string; isWhole: boolean }> {
  const decoder = new TextDecoder()
  let text = ''
  try {
    const response = await fetch(url)
    for await (const chunk of response.body ?? [])
      text += decoder.decode(chunk as Uint8Array, { stream: true })
    return { text, isWhole: true }
  } catch {
    return { text, isWhole: false }
  }
}

async function readWithCurl(url: string, args: readonly string[]): Promise<{ text: string; code: unknown }> {
  const curl = spawn('curl', ['-sN', ...args, url], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  curl.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece
  })
  const [code] = (await once(curl, 'close')) as [number]
  return { text, code }
}

/** How our client says that a POST ended, which it does not repeat. */
async function endWithOurClient(url: string): Promise<unknown> {
  const source = createEventSource(url, { method: 'POST', body: 'x' })
  source.onAny(() => undefined)
  const reason = await source.closed
  const { status } = source
  return 'reason' in status ? status.reason : reason
}

describe.each(hosts)('on $name', ({ reason, curlArgs, start }) => {
  let host: Host | undefined

  beforeAll(async () => {
    if (reason === undefined) host = await start()
  })
  afterAll(async () => {
    await host?.[Symbol.asyncDispose]()
  })

  it.skipIf(reason !== undefined).each(kinds)('fetch takes %s as complete: %s', async (path, isWhole) => {
    const read = await readWithFetch(`${host?.url}${path}`)
    expect(read.isWhole).toBe(isWhole)
    expect(read.text).toContain('data: first\n\n')
  })

  it.skipIf(reason !== undefined || !hasCurl).each(kinds)(
    'curl takes %s as complete: %s',
    async (path, isWhole) => {
      const { text, code } = await readWithCurl(`${host?.url}${path}`, curlArgs)
      expect(code === 0).toBe(isWhole)
      expect(text).toContain('data: first\n\n')
    },
  )

  it.skipIf(reason !== undefined).each([
    ['/completed', 'completed'],
    ['/failed-announced', 'failed'],
    ['/failed-broken', 'interrupted'],
    ['/raw-failed', 'interrupted'],
  ])('our client reports %s as %s', async (path, expected) => {
    expect(await endWithOurClient(`${host?.url}${path}`)).toBe(expected)
  })
})

describe('over HTTP/2', () => {
  it.skipIf(!hasCurl).each(kinds)('curl takes %s as complete: %s', async (path, isWhole) => {
    await using host = await coreHost({ tls: createCertificate() })
    const { text, code } = await readWithCurl(`${host.url}${path}`, ['-k', '--http2'])
    // 92 is curl's "stream error in the HTTP/2 framing layer".
    expect(code).toBe(isWhole ? 0 : 92)
    expect(text).toContain('data: first\n\n')
  })
})

describe('a server that stops in the middle of an answer', () => {
  it.each(['/hub-disconnected', '/unknown-to-us'])('breaks it off: %s', async (path) => {
    const host = await coreHost({
      fetch: (request) =>
        path === '/unknown-to-us'
          ? new Response(
              new ReadableStream({
                start: (controller) => controller.enqueue(Buffer.from('data: first\n\n')),
              }),
              { headers: { 'content-type': 'text/event-stream' } },
            )
          : endings(request),
    })
    const response = await fetch(`${host.url}${path}`)
    const reading = response.text().catch((error: unknown) => String(error))
    await host[Symbol.asyncDispose]()
    expect(await reading).toContain('terminated')
  })
})
