import { runInNewContext } from 'node:vm'
import { build } from 'esbuild-wasm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startScriptedServer } from '@sse-toolkit/testing/node'
import type { ScriptedExchange, ScriptedServer } from '@sse-toolkit/testing/node'
import { Request, Response, fetch as undiciFetch } from 'undici'

/*
 * The client in a context that has the globals of React Native, and no other, with a fetch of the shape of expo/fetch.
 * Metro picks the condition "react-native"; Hermes is not here, so what of the language it lacks is not tested.
 */

/** What React Native and Expo have, by name. README names those that the client needs. */
const platformGlobals = {
  TextDecoder,
  TextEncoder,
  URL,
  URLSearchParams,
  Headers,
  Request,
  Response,
  performance,
  queueMicrotask,
  setImmediate,
  setTimeout,
  clearTimeout,
}

/** As of the package abort-controller, which React Native has: neither reason, nor any, timeout, throwIfAborted. */
class OldAbortSignal {
  aborted = false
  readonly listeners = new Set<() => void>()
  addEventListener(_type: string, listener: () => void): void {
    this.listeners.add(listener)
  }
  removeEventListener(_type: string, listener: () => void): void {
    this.listeners.delete(listener)
  }
}

class OldAbortController {
  readonly signal = new OldAbortSignal()
  abort(): void {
    if (this.signal.aborted) return
    this.signal.aborted = true
    for (const listener of this.signal.listeners) listener()
  }
}

interface ExpoInit {
  readonly method?: string
  readonly headers: Record<string, string>
  readonly body: string | null
  readonly signal: OldAbortSignal
}

/** As expo/fetch: the signal counts until the head has arrived, and the response is not an instance of the platform's Response. */
async function expoFetch(url: string, init: ExpoInit): Promise<object> {
  const controller = new AbortController()
  const abort = (): void => controller.abort()
  init.signal.addEventListener('abort', abort)
  const { method = 'GET', headers, body } = init
  const response = await undiciFetch(url, { method, headers, body, signal: controller.signal }).finally(() =>
    init.signal.removeEventListener('abort', abort),
  )
  const reader = response.body?.getReader()
  return {
    type: 'default',
    ok: response.ok,
    status: response.status,
    url: response.url,
    headers: new Headers([...response.headers]),
    body: {
      locked: false,
      getReader: () => ({
        read: () => reader?.read() ?? Promise.resolve({ done: true, value: undefined }),
        async cancel() {
          controller.abort()
        },
      }),
    },
  }
}

interface Client {
  readonly status: {
    readonly state: string
    readonly cause?: { readonly code: string; readonly message: string }
  }
  readonly closed: Promise<string>
  onAny(listener: (event: { readonly data: string }) => void): void
  close(): void
}

interface Library {
  readonly createEventSource: (url: string, options: object) => Client
  readonly EventSource: new (url: string, options?: object) => object
}

describe('in React Native', () => {
  let script = ''
  let server: ScriptedServer
  const exchanges: ScriptedExchange[] = []

  beforeAll(async () => {
    const { outputFiles } = await build({
      stdin: { contents: `export * from '../src/index.ts'`, resolveDir: import.meta.dirname, loader: 'ts' },
      bundle: true,
      write: false,
      format: 'iife',
      globalName: 'library',
      mainFields: ['react-native', 'main'],
      conditions: ['react-native', '@sse-toolkit/source'],
      // No name of Node's or a browser's is replaced, and none is added.
      platform: 'neutral',
    })
    script = outputFiles[0]?.text ?? ''
    server = await startScriptedServer(async (exchange) => {
      exchanges.push(exchange)
      await exchange.writeEventStreamHead()
      const after = Number(exchange.request.headers.get('last-event-id') ?? 0)
      await exchange.writeBody(`id: ${after + 1}\ndata: ${after + 1} é\n\n`)
      if (after === 0) exchange.end()
    })
  })

  afterAll(() => server.close())

  /** The library, in a context of these globals. */
  const load = (more: object = {}): Library =>
    runInNewContext(`${script}; library`, {
      ...platformGlobals,
      AbortController: OldAbortController,
      AbortSignal: OldAbortSignal,
      ...more,
    }) as Library

  it('createEventSource reads a stream from expo/fetch, resumes it, and ends it with close()', async () => {
    const { createEventSource } = load()
    const data: string[] = []
    const client = createEventSource(server.url, {
      fetch: expoFetch,
      reconnection: { baseDelayMs: 0, minDelayMs: 0 },
    })
    client.onAny((event) => data.push(event.data))
    await expect.poll(() => data).toEqual(['1 é', '2 é'])
    expect(exchanges.at(-1)?.request.headers.get('last-event-id')).toBe('1')
    client.close()
    expect(await client.closed).toBe('client')
    // The head has come long ago: only cancelling the body ends the connection.
    await exchanges.at(-1)?.closed
  })

  it("React Native's own fetch is refused with the advice to use expo/fetch", async () => {
    const { createEventSource } = load()
    const fetchWithoutStreams = async (url: string, init: ExpoInit): Promise<object> => {
      const { status, headers } = (await expoFetch(url, init)) as { status: number; headers: Headers }
      return { ok: true, status, url, headers }
    }
    const client = createEventSource(server.url, { fetch: fetchWithoutStreams })
    client.onAny(() => {})
    expect(await client.closed).toBe('error')
    expect(client.status).toMatchObject({
      cause: { code: 'unsupported-transport', message: expect.stringContaining('expo/fetch') },
    })
  })

  it('EventSource works where EventTarget exists, and reports its absence where not', async () => {
    const { EventSource } = load()
    expect(() => new EventSource(server.url, { fetch: expoFetch })).toThrow(/needs EventTarget/)
    const seen: unknown[] = []
    const complete = load({ EventTarget, Event, DOMException })
    const source = new complete.EventSource(server.url, { fetch: expoFetch }) as EventSource
    source.addEventListener('message', (event) => seen.push(event.data))
    await expect.poll(() => seen).toEqual(['1 é'])
    source.close()
  })
})
