import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { createHub } from '@sse-toolkit/sse-server'
import type { HubOptions } from '@sse-toolkit/sse-server'
import { subscribeNode } from '@sse-toolkit/sse-server/node'
import { connectRaw, serve, serveHttp2 } from './servers.ts'

const get = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'

function quietHub(options: HubOptions = {}) {
  return createHub({ heartbeatIntervalMs: 0, onError: () => undefined, ...options })
}

describe('subscribeNode', () => {
  it('answers with replay, then live events, until the client leaves', async () => {
    const hub = quietHub()
    await hub.publish('a', { data: 'before' })
    const over = Promise.withResolvers<void>()
    await using server = await serve((req, res) => {
      void subscribeNode(hub, req, res, { topics: ['a'] }).then(over.resolve)
    })
    const client = await connectRaw(server.port, get.replace('/ ', '/?lastEventId=earliest '))
    await client.until(/data: before/)
    await hub.publish('a', { data: 'live' })
    await client.until(/data: live/)
    client.socket.destroy()
    await over.promise
    expect(hub.stats().connections).toBe(0)
    await hub.close()
  })

  it('works on HTTP/2', async () => {
    const hub = quietHub()
    await hub.publish('a', { data: 'before' })
    await using server = await serveHttp2((req, res) => void subscribeNode(hub, req, res, { topics: ['a'] }))
    const request = server.session.request({ ':path': '/?lastEventId=earliest' }).setEncoding('utf8')
    const [text] = (await once(request, 'data')) as [string]
    expect(text).toContain(': sse-toolkit 1')
    await hub.close()
  })

  it.each([
    [401, { authorize: () => new Response(null, { status: 401 }) }],
    [403, { authorize: () => ({ topics: ['b'] }) }],
    [503, {}],
  ])('keeps the fields of the response with the status %i', async (status, options) => {
    const hub = quietHub(options)
    if (status === 503) await hub.close()
    await using server = await serve((req, res) => {
      res.setHeader('access-control-allow-origin', '*')
      res.appendHeader('set-cookie', 'a=1').appendHeader('set-cookie', 'b=2')
      void subscribeNode(hub, req, res, { topics: ['a'] })
    })
    const response = await fetch(server.url)
    expect(response.status).toBe(status)
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    await hub.close()
  })

  it('answers 400 to an impossible topic, and reports invalid options and answers 500', async () => {
    const hub = quietHub()
    const errors: unknown[] = []
    await using server = await serve((req, res) => {
      const asked = new URL(req.url ?? '', 'http://localhost').searchParams
      const topics = asked.has('text') ? ('a' as never) : asked.getAll('topic')
      void subscribeNode(hub, req, res, { topics, onError: (error) => errors.push(error) })
    })
    expect((await fetch(`${server.url}/?topic=a..b`)).status).toBe(400)
    expect((await fetch(`${server.url}/?topic=*`)).status).toBe(400)
    expect(errors).toEqual([])
    expect((await fetch(`${server.url}/?text`)).status).toBe(500)
    expect(errors).toMatchObject([{ code: 'invalid-option', option: 'topics' }])
    await hub.close()
  })

  it('answers 405 to TRACE, which a web Request cannot have', async () => {
    const hub = quietHub()
    await using server = await serve((req, res) => void subscribeNode(hub, req, res, { topics: ['a'] }))
    const client = await connectRaw(server.port, get.replace('GET', 'TRACE'))
    await client.until(/\r\n\r\n/)
    expect(client.text).toContain('405 Method Not Allowed')
    client.socket.destroy()
    await hub.close()
  })

  it('answers HEAD with the head alone', async () => {
    const hub = quietHub()
    await using server = await serve((req, res) => void subscribeNode(hub, req, res, { topics: ['a'] }))
    const response = await fetch(server.url, { method: 'HEAD' })
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
    expect(hub.stats().opened).toBe(0)
    await hub.close()
  })

  it('refuses an onError that is not a function', () => {
    const hub = quietHub()
    expect(() =>
      subscribeNode(hub, {} as never, {} as never, { topics: ['a'], onError: 'log' as never }),
    ).toThrow(expect.objectContaining({ code: 'invalid-option', option: 'onError' }))
  })
})
