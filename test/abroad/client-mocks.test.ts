import { createEventSource, EventSource } from '@sse-toolkit/event-source-client'
import { http, HttpResponse } from 'msw'
import { setupServer } from 'msw/node'
import { afterEach, describe, expect, it } from 'vitest'

// README, "Mocks": undici's own dispatcher bypasses both, the global fetch does not.

const url = 'http://mocked.test/events'
const options = { fetch: (...request: Parameters<typeof fetch>) => globalThis.fetch(...request) }
const eventStream = { headers: { 'content-type': 'text/event-stream' } }

async function readAll(): Promise<string[]> {
  const client = createEventSource(url, { ...options, reconnect: 'never' })
  const seen: string[] = []
  for await (const { data } of client) seen.push(data)
  return seen
}

async function readFirst(): Promise<string> {
  const source = new EventSource(url, options)
  const data = await new Promise<string>((resolve, reject) => {
    source.addEventListener('message', (event) => resolve(String(event.data)))
    source.addEventListener('error', ({ error }) => reject(error ?? new Error('no error')))
  })
  source.close()
  return data
}

describe('MSW', () => {
  const server = setupServer()
  afterEach(() => server.close())

  it('MSW can mock a stream for both interfaces, and a reconnection after the last id', async () => {
    const ids: (string | null)[] = []
    server.use(
      http.get(url, ({ request }) => {
        ids.push(request.headers.get('last-event-id'))
        return new HttpResponse('retry: 1\nid: 7\ndata: mocked\n\n', eventStream)
      }),
    )
    server.listen()
    expect(await readAll()).toEqual(['mocked'])
    expect(await readFirst()).toBe('mocked')
    const client = createEventSource(url, {
      ...options,
      reconnection: { baseDelayMs: 0, minDelayMs: 0 },
    })
    let count = 0
    for await (const _event of client) if ((count += 1) === 2) break
    expect(ids).toEqual([null, null, null, '7'])
  })
})

describe('nock', () => {
  it('nock can mock a stream for both interfaces', async () => {
    // Importing nock replaces the global fetch, which MSW replaces as well.
    const { default: nock } = await import('nock')
    try {
      nock('http://mocked.test').get('/events').twice().reply(200, 'data: mocked\n\n', eventStream.headers)
      expect(await readAll()).toEqual(['mocked'])
      expect(await readFirst()).toBe('mocked')
    } finally {
      nock.cleanAll()
      nock.restore()
    }
  })
})
