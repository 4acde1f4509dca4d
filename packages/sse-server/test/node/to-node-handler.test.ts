import { once } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { createHub, topic } from '@sse-toolkit/sse-server'
import { toNodeHandler } from '@sse-toolkit/sse-server/node'
import { connectRaw, serve, serveHttp2 } from './servers.ts'

const get = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'

describe('toNodeHandler', () => {
  it.each<[string, () => never | Promise<never>, number, number]>([
    ['throws', () => fail(new Error('secret')), 500, 1],
    ['rejects', () => Promise.reject(new Error('secret')), 500, 1],
    ['throws what is not an error', () => fail('secret'), 500, 1],
    ['throws nothing', () => fail(undefined), 500, 1],
    [
      'throws an error of the client',
      () => fail(Object.assign(new Error('secret'), { status: 404 })),
      404,
      0,
    ],
    [
      'throws an error with the status 200',
      () => fail(Object.assign(new Error('x'), { status: 200 })),
      500,
      1,
    ],
    ['returns no Response', () => ({ status: 'ok' }) as never, 500, 1],
    ['interpolates a wildcard into a topic', () => fail(topicError('*')), 400, 0],
  ])(
    'answers a request whose handler %s, and tells the client no more',
    async (_name, act, status, reported) => {
      const errors: unknown[] = []
      await using server = await serve(toNodeHandler(act, { onError: (error) => errors.push(error) }))
      const response = await fetch(server.url)
      expect([response.status, await response.text()]).toEqual([status, ''])
      expect(errors).toHaveLength(reported)
    },
  )

  it('leaves a response to the listener that has begun it', async () => {
    const errors: unknown[] = []
    const begun = toNodeHandler(() => new Response('late'), { onError: (error) => errors.push(error) })
    await using server = await serve((req, res) => {
      res.writeHead(200).write('early ')
      begun(req, res)
      setImmediate(() => res.end('and late'))
    })
    expect(await (await fetch(server.url)).text()).toBe('early and late')
    expect(errors).toMatchObject([{ code: 'head-sent' }])
  })

  it('breaks off a body that fails, and reports it', async () => {
    const errors: unknown[] = []
    const failure = new Error('The upstream was cut')
    const body = (): ReadableStream => {
      let pulls = 0
      return new ReadableStream({
        pull(controller) {
          if ((pulls += 1) === 1) controller.enqueue(new TextEncoder().encode('half'))
          else controller.error(failure)
        },
      })
    }
    await using server = await serve(
      toNodeHandler(() => new Response(body()), { onError: (error) => errors.push(error) }),
    )
    const response = await fetch(server.url)
    await expect(response.text()).rejects.toThrow()
    expect(errors).toEqual([failure])
  })

  it('is not ended by an onError that throws', async () => {
    const log = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const handler = toNodeHandler(() => fail(new Error('first')), {
      onError: () => fail(new Error('second')),
    })
    await using server = await serve(handler)
    expect((await fetch(server.url)).status).toBe(500)
    expect((await fetch(server.url)).status).toBe(500)
    expect(log).toHaveBeenCalledTimes(2)
    log.mockRestore()
  })

  it.each([
    ['/orders/42/events', 200],
    ['/orders/*/events', 400],
    ['/orders/%3E/events', 400],
    ['/orders/42.admin/events', 400],
    ['/orders/%20/events', 400],
    ['/orders/%00/events', 400],
    ['/orders//events', 400],
    [`/orders/${'x'.repeat(300)}/events`, 400],
  ])('serves the order that a path names, and no other: %s is answered %i', async (path, status) => {
    const hub = createHub({ heartbeatIntervalMs: 0, onError: () => undefined })
    await using server = await serve(
      toNodeHandler((request) => {
        const id = decodeURIComponent(new URL(request.url).pathname.split('/')[2] ?? '')
        return hub.subscribe(request, { topics: [topic`orders.${id}`] })
      }),
    )
    const client = await connectRaw(server.port, get.replace('/ ', `${path} `))
    await client.until(/\r\n\r\n/)
    expect(client.text.slice(9, 12)).toBe(String(status))
    await hub.publish('orders.43', { data: 'of somebody else' })
    await hub.publish('orders.42.admin', { data: 'of somebody else' })
    await hub.publish('orders.42', { data: 'mine' })
    if (status === 200) await client.until(/mine/)
    await hub.close()
    expect(client.text).not.toContain('of somebody else')
    client.socket.destroy()
  })

  it.each([
    ['/x/..\\quick', 400],
    ['/x\\..\\quick', 400],
    ['/x/../quick', 400],
    ['/x/%2e%2E/quick', 400],
    ['/x/.%2e', 400],
    ['/./quick', 400],
    ['/x/...', 200],
    ['/x/..quick', 200],
    ['/x/.well-known', 200],
    ['/x?a=/../b&c=\\', 200],
    ['//x/y', 200],
  ])(
    'serves no path that the URL parser would make of another: %s is answered %i',
    async (target, status) => {
      await using server = await serve(toNodeHandler(() => new Response('ok')))
      const client = await connectRaw(
        server.port,
        `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
      )
      await client.closed
      expect(client.text.slice(9, 12)).toBe(String(status))
    },
  )

  it.each([
    ['http://user:secret@host.example/events', 'host.example'],
    ['/events', 'user:secret@host.example'],
    ['/events', 'host.example/path'],
    ['*', 'host.example'],
  ])('answers the target %s with the host %s', async (target, host) => {
    const urls: string[] = []
    await using server = await serve(
      toNodeHandler((request) => {
        urls.push(request.url)
        return new Response('ok')
      }),
    )
    const method = target === '*' ? 'OPTIONS' : 'GET'
    const head = `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`
    const client = await connectRaw(server.port, head)
    await client.closed
    expect(client.text).toContain('200 OK')
    expect(urls).toHaveLength(1)
    expect(urls[0]).not.toContain('secret')
  })

  it('works on HTTP/2', async () => {
    await using server = await serveHttp2(toNodeHandler(() => fail(topicError('a b')), {}))
    const request = server.session.request({ ':path': '/' }).resume()
    const [headers] = (await once(request, 'response')) as [Record<string, unknown>]
    expect(headers[':status']).toBe(400)
  })

  it('refuses an onError that is not a function', () => {
    expect(() => toNodeHandler(() => new Response(), { onError: 'log' as never })).toThrow(
      expect.objectContaining({ code: 'invalid-option', option: 'onError' }),
    )
  })
})

function fail(error: unknown): never {
  throw error
}

function topicError(value: string): unknown {
  try {
    return topic`a.${value}`
  } catch (error) {
    return error
  }
}
