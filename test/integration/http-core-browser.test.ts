import { cors, createRouter, textResponse } from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import type { Server, ServerOptions } from '@sse-toolkit/http-core/node'
import { respond } from '@sse-toolkit/sse-server'
import { findChromium, launchChromium } from '@sse-toolkit/test-support'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createCertificate } from '../../examples/adapters/self-signed.ts'
import { bundleForBrowsers } from '../../packages/event-source-client/test/browser/bundle.ts'

const chromium = findChromium()
const html = (text: string): Response =>
  textResponse(text, { headers: { 'content-type': 'text/html; charset=utf-8' } })

/** The parts of a page that the scripts below use; they run there, not here. */
interface BrowserSource {
  addEventListener(type: 'message' | 'error', listener: (event: { data: string }) => void): void
  close(): void
}
type BrowserSourceClass = new (url: string, options?: { withCredentials: boolean }) => BrowserSource

async function serving(options: ServerOptions): Promise<Server & { readonly url: string }> {
  const server = createServer({ port: 0, ...options })
  await server.listen()
  onTestFinished(async () => {
    await server.close({ timeoutMs: 0 })
  })
  return server as Server & { readonly url: string }
}

/** An event stream that says one thing, and stays open. */
function stream(data: string): Response {
  return respond(async function* (opened) {
    yield { data }
    await new Promise((resolve) => {
      opened.signal.addEventListener('abort', resolve)
    })
  })
}

describe.skipIf(chromium.skip)('Chromium', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium(chromium)
  })
  afterAll(async () => {
    await browser.close()
  })

  async function pageAt(url: string): Promise<Page> {
    const context = await browser.newContext({ ignoreHTTPSErrors: true })
    onTestFinished(() => context.close())
    const page = await context.newPage()
    await page.goto(url)
    return page
  }

  it('has more than six event streams at once on one connection of HTTP/2', async () => {
    const router = createRouter()
    router.get('/', () => html('<title>streams</title>'))
    router.get('/stream/:n', (_request, { params }) => stream(params.n))
    router.get('/version', (_request, { httpVersion }) => textResponse(httpVersion ?? ''))
    const server = await serving({ fetch: router.fetch, tls: createCertificate() })
    const page = await pageAt(server.url)
    const received = await page.evaluate(async (count) => {
      const { EventSource } = globalThis as unknown as { EventSource: BrowserSourceClass }
      const sources = Array.from({ length: count }, (_, index) => new EventSource(`/stream/${index}`))
      return Promise.all(
        sources.map(
          (source) =>
            new Promise<string>((resolve) => {
              source.addEventListener('message', ({ data }) => {
                resolve(data)
              })
            }),
        ),
      )
    }, 20)
    expect(received).toEqual(Array.from({ length: 20 }, (_, index) => String(index)))
    // While they are open, ordinary requests go through as well.
    expect(await page.evaluate(async () => (await fetch('/version')).text())).toBe('2.0')
    expect(server.requestsInFlight).toBe(20)
    expect(server.activeConnections).toBeLessThanOrEqual(2)
  })

  describe('across origins', () => {
    async function sites(): Promise<{ readonly allowed: Page; readonly other: Page; readonly api: string }> {
      const { code } = await bundleForBrowsers(
        `
        import { createEventSource } from '../../src/index.ts'
        globalThis.createEventSource = createEventSource
      `,
        { format: 'iife' },
      )
      const pages = createRouter()
      pages.get('/', () => html('<script src="/client.js"></script>'))
      pages.get('/client.js', () => textResponse(code, { headers: { 'content-type': 'text/javascript' } }))
      const app = await serving({ fetch: pages.fetch })
      const evil = await serving({ fetch: pages.fetch })
      const api = createRouter()
      api.use(cors({ origin: [app.url], credentials: 'include' }))
      api.get('/login', () => new Response(null, { status: 204, headers: { 'set-cookie': 'user=ada' } }))
      api.get('/events', (request) =>
        stream(
          JSON.stringify({
            cookie: request.headers.get('cookie'),
            authorization: request.headers.get('authorization'),
            lastEventId: request.headers.get('last-event-id'),
          }),
        ),
      )
      api.get('/busy', () => new Response('later', { status: 503, headers: { 'retry-after': '7' } }))
      const server = await serving({ fetch: api.fetch })
      return { allowed: await pageAt(app.url), other: await pageAt(evil.url), api: server.url }
    }

    it("the browser's EventSource reads with credentials, where its origin may", async () => {
      const { allowed, other, api } = await sites()
      const first = async (url: string): Promise<string> => {
        const { EventSource } = globalThis as unknown as { EventSource: BrowserSourceClass }
        await fetch(`${url}/login`, { credentials: 'include', mode: 'no-cors' })
        return new Promise<string>((resolve) => {
          const source = new EventSource(`${url}/events`, { withCredentials: true })
          source.addEventListener('message', ({ data }) => {
            source.close()
            resolve(data)
          })
          source.addEventListener('error', () => {
            source.close()
            resolve('refused')
          })
        })
      }
      expect(JSON.parse(await allowed.evaluate(first, api))).toMatchObject({ cookie: 'user=ada' })
      expect(await other.evaluate(first, api)).toBe('refused')
    })

    it('our client reads after a preflight, with fields of its own and a Last-Event-ID', async () => {
      const { allowed, other, api } = await sites()
      const first = async (url: string): Promise<string> => {
        const { createEventSource } = globalThis as unknown as {
          createEventSource: (
            url: string,
            options: object,
          ) => AsyncIterable<{ data: string }> & { close(): void; closed: Promise<unknown> }
        }
        const source = createEventSource(`${url}/events`, {
          headers: { authorization: 'Bearer x' },
          lastEventId: '7',
          reconnection: { maxAttempts: 1, baseDelayMs: 10 },
        })
        try {
          for await (const { data } of source) {
            source.close()
            return data
          }
          return 'ended'
        } catch {
          return 'refused'
        }
      }
      expect(JSON.parse(await allowed.evaluate(first, api))).toEqual({
        cookie: null,
        authorization: 'Bearer x',
        lastEventId: '7',
      })
      expect(await other.evaluate(first, api)).toMatch(/^(?:refused|ended)$/)
    })

    it('a page reads the status and the Retry-After of a refusal', async () => {
      const { allowed, api } = await sites()
      const seen = await allowed.evaluate(async (url) => {
        const response = await fetch(`${url}/busy`)
        return [response.status, response.headers.get('retry-after')]
      }, api)
      expect(seen).toEqual([503, '7'])
    })
  })
})
