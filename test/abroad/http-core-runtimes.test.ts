import { fileURLToPath } from 'node:url'
import { findBun, findDeno, startProcess } from '@sse-toolkit/test-support'
import type { StartedProcess } from '@sse-toolkit/test-support'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

// A router is a bare fetch handler: the same routes on other runtimes.

const program = fileURLToPath(new URL('../integration/programs/http-core-app.ts', import.meta.url))
const condition = '--conditions=@sse-toolkit/source'
const bun = findBun()
const deno = findDeno()

describe.each([
  { name: bun.skip ? `Bun (${bun.reason})` : 'Bun', runtime: bun, args: [condition, program] },
  {
    name: deno.skip ? `Deno (${deno.reason})` : 'Deno',
    runtime: deno,
    args: ['run', '--allow-all', condition, program],
  },
])('on $name', ({ runtime, args }) => {
  let server: StartedProcess | undefined
  let url = ''

  beforeAll(async () => {
    if (runtime.skip) return
    server = await startProcess({ command: runtime.path, args, ready: /listening on \S+\n/ })
    url = /listening on (\S+)/.exec(server.stdout)?.[1] ?? ''
  })
  afterAll(async () => {
    await server?.[Symbol.asyncDispose]()
  })

  it.skipIf(runtime.skip)('routes with params and codecs, inside the middlewares', async () => {
    const response = await fetch(`${url}/rooms/a%20b/items/7`)
    expect([response.status, await response.json(), response.headers.get('x-seen')]).toEqual([
      200,
      { room: 'a b', next: 8 },
      '/rooms/a%20b/items/7',
    ])
    expect((await fetch(`${url}/rooms/a/items/x`)).status).toBe(404)
    expect((await fetch(`${url}/rooms/%zz/items/7`)).status).toBe(400)
  })

  it.skipIf(runtime.skip)('reads content, and answers for methods', async () => {
    const response = await fetch(`${url}/echo`, { method: 'POST', body: 'hällo' })
    expect([response.status, await response.text()]).toEqual([201, 'hällo'])
    const refused = await fetch(`${url}/echo`)
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'POST, OPTIONS'])
    const head = await fetch(`${url}/rooms/a/items/7`, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  it.skipIf(runtime.skip)('answers a preflight, and names the origin', async () => {
    const preflight = await fetch(`${url}/events`, {
      method: 'OPTIONS',
      headers: { origin: 'https://app.example', 'access-control-request-method': 'GET' },
    })
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([
      204,
      'https://app.example',
    ])
    const other = await fetch(`${url}/events`, { headers: { origin: 'https://evil.example' } })
    expect(other.headers.get('access-control-allow-origin')).toBe(null)
    await other.body?.cancel()
  })

  it.skipIf(runtime.skip)('sends an event stream of sse-server', async () => {
    const response = await fetch(`${url}/events`)
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/)
    const text = await response.text()
    expect([...text.matchAll(/^data: (.*)$/gm)].map((match) => match[1])).toEqual([
      '{"n":1}',
      '{"n":2}',
      '{"n":3}',
    ])
  })
})
