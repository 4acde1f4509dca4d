import { connect } from 'node:http2'
import { describe, expect, it, onTestFinished } from 'vitest'
import { cors, createRouter, textResponse } from '../src/index.ts'
import type { Router } from '../src/index.ts'
import { serveDirectory } from '../src/node/static/index.ts'
import type { FileTree } from '../src/node/static/index.ts'
import { testOnly } from './certificates.ts'
import { rawClient, statuses } from './raw-client.ts'
import { serving } from './serving.ts'

function limited(): Router {
  const router = createRouter()
  const size = async (request: Request): Promise<Response> =>
    textResponse(`<${(await request.text()).length}>`)
  router.use(cors())
  router.post('/server', size)
  router.post('/small', size, { maxBodyBytes: 5 })
  router.post('/large', size, { maxBodyBytes: 1000 })
  router.post('/any', size, { maxBodyBytes: Infinity })
  router.post('/none', size, { maxBodyBytes: 0 })
  router.post(
    '/raised',
    (request, context) => {
      context.maxBodyBytes = 50
      return size(request)
    },
    { maxBodyBytes: Infinity },
  )
  const tree: FileTree = {
    stat: (path) => Promise.resolve(path.length === 0 ? { kind: 'directory' } : undefined),
    read: () => new ReadableStream(),
    list: () => Promise.resolve([]),
    write: async (_path, content) => {
      for await (const chunk of content) void chunk
      return 'created'
    },
  }
  router.put('/files/**', serveDirectory(tree, { uploads: 'on', maxUploadBytes: 20 }))
  return router
}

const CASES = [
  ['/server', 10, 200],
  ['/server', 11, 413],
  ['/small', 5, 200],
  ['/small', 6, 413],
  ['/large', 1000, 200],
  ['/large', 1001, 413],
  ['/any', 100_000, 200],
  ['/none', 0, 200],
  ['/none', 1, 413],
  ['/raised', 50, 200],
  ['/raised', 51, 413],
  ['/files/a', 20, 201],
  ['/files/a', 21, 413],
] as const

const methodOf = (path: string): string => (path.startsWith('/files') ? 'PUT' : 'POST')

describe.each(['light', 'native'] as const)('the limit of a route (%s requests)', (requests) => {
  it.each(CASES)('%s with %d bytes whose length is announced, or not: %d', async (path, size, status) => {
    const server = await serving({ fetch: limited().fetch, maxBodyBytes: 10, requests })
    const content = 'x'.repeat(size)
    for (const framed of [
      `Content-Length: ${size}\r\n\r\n${content}`,
      `Transfer-Encoding: chunked\r\n\r\n${size === 0 ? '' : `${size.toString(16)}\r\n${content}\r\n`}0\r\n\r\n`,
    ]) {
      const client = await rawClient(server.port)
      client.send(`${methodOf(path)} ${path} HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\r\n${framed}`)
      const received = await client.until('\r\n\r\n')
      expect(statuses(received)).toEqual([status])
      // A page sees why it was refused.
      expect(received).toMatch(/access-control-allow-origin: \*/i)
      client.destroy()
    }
  })

  it('holds before 100 Continue', async () => {
    const server = await serving({ fetch: limited().fetch, requests })
    const client = await rawClient(server.port)
    client.send('POST /small HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 6\r\n\r\n')
    expect(statuses(await client.until('\r\n\r\n'))).toEqual([413])
    client.destroy()
  })

  it.each(CASES)('over HTTP/2: %s with %d bytes: %d', async (path, size, status) => {
    const server = await serving({ fetch: limited().fetch, maxBodyBytes: 10, requests, tls: testOnly })
    const session = connect(`https://localhost:${server.port}`, { ca: testOnly.cert })
    session.on('error', () => {})
    onTestFinished(() => {
      session.destroy()
    })
    const stream = session.request({ ':method': methodOf(path), ':path': path })
    stream.on('error', () => {})
    const answered = new Promise<number>((resolve) => {
      stream.once('response', (headers) => {
        resolve(Number(headers[':status']))
      })
    })
    stream.end('x'.repeat(size))
    expect(await answered).toBe(status)
  })
})

it('an invalid limit is refused', () => {
  expect(() => createRouter().post('/', () => textResponse('x'), { maxBodyBytes: -1 })).toThrow(
    expect.objectContaining({ option: 'maxBodyBytes' }),
  )
})
