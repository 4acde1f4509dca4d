/**
 * A dashboard behind a login. A session says which topics its owner may read, and until when. When the session expires, the hub
 * ends the stream; the page logs in again, and misses nothing. Logging out ends the stream at once, in every tab.
 *
 *     POST /login    { "user": "ada" } -> { "token": "..." }
 *     POST /logout   ends the session
 *     GET  /metrics  the stream, with Authorization: Bearer
 *
 * The program plays its own pages, and checks what they get to see.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createEventSource } from '@sse-toolkit/event-source-client'
import { createRouter, jsonResponse } from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import { createHub } from '@sse-toolkit/sse-server'

interface Session {
  readonly user: string
  readonly topics: readonly string[]
  readonly expiresAt: number
}

// So short that the program sees it expire. An hour is more usual.
const sessionMs = 400
const grants: Readonly<Record<string, readonly string[]>> = {
  ada: ['metrics.sales', 'metrics.stock'],
  bob: ['metrics.stock'],
}
const sessions = new Map<string, Session>()

function sessionOf(request: Request): Session | undefined {
  const token = request.headers.get('authorization')?.replace('Bearer ', '') ?? ''
  const session = sessions.get(token)
  return session !== undefined && session.expiresAt > Date.now() ? session : undefined
}

const hub = createHub({
  reconnectionTimeMs: 20,
  authorize(request) {
    const session = sessionOf(request)
    if (session === undefined) return new Response('Log in.', { status: 401 })
    const { user, topics, expiresAt } = session
    return { identity: user, topics, expiresAt }
  },
})

const router = createRouter()
router.post('/login', async (request) => {
  const { user } = (await request.json()) as { user: string }
  const { [user]: topics } = grants
  if (topics === undefined) return jsonResponse({}, { status: 403 })
  const token = randomUUID()
  sessions.set(token, { user, topics, expiresAt: Date.now() + sessionMs })
  return jsonResponse({ token })
})
router.post('/logout', async (request) => {
  const session = sessionOf(request)
  for (const [token, { user }] of sessions) if (user === session?.user) sessions.delete(token)
  if (session !== undefined) await hub.disconnect({ identity: session.user })
  return jsonResponse({})
})
router.get('/metrics', (request) =>
  hub.subscribe(request, { topics: new URL(request.url).searchParams.getAll('topic') }),
)
const server = createServer({ fetch: router.fetch, port: 0 })
await server.listen()
const url = String(server.url).replace(/\/$/, '')

// A page.

async function logIn(user: string): Promise<string> {
  const response = await fetch(`${url}/login`, { method: 'POST', body: JSON.stringify({ user }) })
  return ((await response.json()) as { token: string }).token
}

function openPage(user: string, topics: readonly string[]) {
  let token = ''
  let logins = 0
  let isLeaving = false
  const seen: number[] = []
  const client = createEventSource(`${url}/metrics?topic=${topics.join('&topic=')}`, {
    data: 'json',
    headers: () => ({ authorization: `Bearer ${token}` }),
    // Called for 401; the client then repeats the request, with the new token.
    async onUnauthorized({ status }) {
      if (status !== 401 || isLeaving) return false
      token = await logIn(user)
      logins += 1
      return true
    },
  })
  client.on('sample', ({ data }) => seen.push(data as number))
  async function logOut(): Promise<void> {
    isLeaving = true
    await fetch(`${url}/logout`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
  }
  return { client, seen, logins: () => logins, logOut }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition())
    await new Promise((resolve) => {
      setTimeout(resolve, 5)
    })
}

const page = openPage('ada', ['metrics.sales', 'metrics.stock'])
await until(() => page.client.status.state === 'open')

// The session expires twice during this time. The page logs in again each time, and misses no sample.
const published: number[] = []
for (let sample = 1; page.logins() < 3; sample += 1) {
  await hub.publish(sample % 2 === 0 ? 'metrics.sales' : 'metrics.stock', { event: 'sample', data: sample })
  published.push(sample)
  await new Promise((resolve) => {
    setTimeout(resolve, 10)
  })
}
await until(() => page.seen.length === published.length)
assert.deepEqual(page.seen, published)
assert.equal(hub.stats().closed.expired, 2)

// A topic that the session does not grant is refused, and logging in again would not help.
const curious = openPage('bob', ['metrics.sales'])
assert.equal(await curious.client.closed, 'refused')
assert.equal(curious.client.status.state === 'closed' && curious.client.status.cause?.name, 'ResponseError')

// Logging out ends the stream at once, and the page is refused when it comes back.
await page.logOut()
assert.equal(await page.client.closed, 'refused')

await hub.close()
await server.close()
console.log('ok')
