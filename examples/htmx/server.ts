/**
 * A page without a line of JavaScript of its own: htmx's sse extension swaps what the server sends into the page. The hub's
 * events hold HTML, and the browser's EventSource resumes after the last one, so no comment is missing or shown twice.
 *
 *     GET  /           the page
 *     GET  /comments   the stream
 *     POST /comments   the form
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { createRouter, HttpError, textResponse } from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import { createHub } from '@sse-toolkit/sse-server'
import type { Hub } from '@sse-toolkit/sse-server'

const page = `<!doctype html>
<html lang="en">
  <title>Comments</title>
  <script src="/htmx.js"></script>
  <script src="/sse.js"></script>
  <h1>Comments</h1>
  <ol hx-ext="sse" sse-connect="/comments?lastEventId=earliest" sse-swap="comment" hx-swap="beforeend"></ol>
  <form hx-post="/comments" hx-swap="none">
    <label>Your comment <input name="text" required></label>
    <button>Send</button>
  </form>
</html>`

const characterReferences: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** A visitor's comment is text, and must stay text in other visitors' pages. */
function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => characterReferences[character] ?? '')
}

async function scriptAt(url: string): Promise<Response> {
  const script = await readFile(fileURLToPath(url), 'utf8')
  return textResponse(script, { headers: { 'content-type': 'text/javascript; charset=utf-8' } })
}

export interface CommentServer {
  readonly url: string
  readonly hub: Hub
  readonly close: () => Promise<void>
}

export async function startServer(): Promise<CommentServer> {
  const hub = createHub({ reconnectionTimeMs: 50 })
  const router = createRouter()
  router.get('/', () => textResponse(page, { headers: { 'content-type': 'text/html; charset=utf-8' } }))
  router.get('/htmx.js', () => scriptAt(import.meta.resolve('htmx.org/dist/htmx.min.js')))
  router.get('/sse.js', () => scriptAt(import.meta.resolve('htmx-ext-sse/dist/sse.min.js')))
  router.get('/comments', (request) => hub.subscribe(request, { topics: ['comments'] }))
  router.post('/comments', async (request) => {
    const text = (await request.formData()).get('text')
    if (typeof text !== 'string') throw new HttpError(400, 'Expected a field named text.')
    await hub.publish('comments', { event: 'comment', data: `<li>${escapeHtml(text)}</li>` })
    return new Response(null, { status: 204 })
  })
  const server = createServer({ fetch: router.fetch, port: 0 })
  await server.listen()
  return {
    url: String(server.url),
    hub,
    async close() {
      await hub.close()
      await server.close({ timeoutMs: 0 })
    },
  }
}
