import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { createRouter, jsonResponse, metadataKey, textResponse } from '../src/index.ts'
import type { ServerOptions } from '../src/node/index.ts'
import { rawClient, rawExchange, statuses } from './raw-client.ts'
import { eventually, recordingLogger, serving } from './serving.ts'

const CLOSE = 'Connection: close\r\n'

const echo = (request: Request): Promise<Response> => request.text().then((text) => textResponse(text))

/** Runs a function over the request in the server and gives what it returned, by JSON. */
async function inServer(
  requests: 'light' | 'native',
  look: (request: Request) => unknown,
  target = '/',
  init?: RequestInit,
): Promise<unknown> {
  const server = await serving({
    requests,
    fetch: async (request) => jsonResponse({ result: await look(request) }),
  })
  const response = await fetch(server.url + target, init)
  const { result } = (await response.json()) as { readonly result: unknown }
  return result
}

describe.each(['light', 'native'] as const)('a %s request', (requests) => {
  const see = (look: (request: Request) => unknown, target?: string, init?: RequestInit): Promise<unknown> =>
    inServer(requests, look, target, init)
  const post = (body: RequestInit['body'], headers: Record<string, string> = {}): RequestInit => ({
    method: 'POST',
    body: body ?? null,
    headers,
  })

  it('is a Request with Headers', async () => {
    expect(await see((r) => [r instanceof Request, r.headers instanceof Headers])).toEqual([true, true])
  })

  it('has the attributes of a Request', async () => {
    const attributes = await see((r) => [
      r.method,
      r.destination,
      r.referrer,
      r.referrerPolicy,
      r.mode,
      r.credentials,
      r.cache,
      r.redirect,
      r.integrity,
      r.keepalive,
      r.duplex,
      r.body,
      r.bodyUsed,
      r.signal.aborted,
    ])
    expect(attributes).toEqual([
      'GET',
      '',
      'about:client',
      '',
      'cors',
      'same-origin',
      'default',
      'follow',
      '',
      false,
      'half',
      null,
      false,
      false,
    ])
  })

  it.each([
    ['/', '/'],
    ['/a/b?c=d&e', '/a/b?c=d&e'],
    ['//double//slash', '//double//slash'],
    ["/it's?it's", "/it's?it%27s"],
    ['/a|b{c}', '/a|b%7Bc%7D'],
    ['/%zz', '/%zz'],
    ['/.well-known/x', '/.well-known/x'],
    ['http://other.example:8080/x', undefined],
  ])('has the URL of the target %s in the form of the URL standard', async (target, expected) => {
    const server = await serving({ requests, fetch: (r) => textResponse(`<${r.url}>`) })
    const received = await rawExchange(
      server.port,
      `GET ${target} HTTP/1.1\r\nHost: A.Example:80\r\n${CLOSE}\r\n`,
    )
    const url = /<(.*)>/.exec(received)?.[1]
    expect(url).toBe(expected === undefined ? target : `http://a.example${expected}`)
    expect(new URL(url ?? '').href).toBe(url)
  })

  it('takes the address of the connection where HTTP/1.0 names no Host', async () => {
    const server = await serving({ requests, fetch: (r) => textResponse(r.url) })
    expect(await rawExchange(server.port, 'GET /x HTTP/1.0\r\n\r\n')).toContain(`${server.url}/x`)
  })

  it('answers for its fields whatever their case, duplicates joined', async () => {
    const server = await serving({
      requests,
      fetch: (r) =>
        jsonResponse([
          r.headers.get('X-A'),
          r.headers.get('x-a'),
          r.headers.has('X-a'),
          r.headers.get('cookie'),
          r.headers.get('authorization'),
          r.headers.get('none'),
          r.headers.has('none'),
          r.headers.get('constructor'),
          r.headers.has('__proto__'),
          r.headers.get('tostring'),
        ]),
    })
    const received = await rawExchange(
      server.port,
      `GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nx-a: 2\r\nCookie: a=b\r\nCookie: c=d\r\nAuthorization: x\r\nAuthorization: y\r\n${CLOSE}\r\n`,
    )
    expect(received).toContain('["1, 2","1, 2",true,"a=b; c=d","x, y",null,false,null,false,null]')
  })

  it('has fields that are iterated, copied and changed as Headers are', async () => {
    const result = await see(
      (r) => {
        const copy = new Headers(r.headers)
        r.headers.set('x-new', '1')
        r.headers.append('x-a', '2')
        r.headers.delete('x-b')
        const seen: string[] = []
        r.headers.forEach((value, name) => seen.push(`${name}=${value}`))
        return [
          copy.get('x-a'),
          r.headers.get('x-a'),
          r.headers.get('x-new'),
          r.headers.has('x-b'),
          copy.has('x-b'),
          [...r.headers.keys()].includes('x-new'),
          [...r.headers.values()].length === seen.length,
          new Map(r.headers.entries()).get('x-new'),
          Object.fromEntries(r.headers)['x-a'],
          r.headers.getSetCookie(),
          new Response(null, { headers: r.headers }).headers.get('x-new'),
        ]
      },
      '/',
      { headers: { 'x-a': '1', 'x-b': '1' } },
    )
    expect(result).toEqual(['1', '1, 2', '1', false, true, true, true, '1', '1, 2', [], '1'])
  })

  it('has one set of fields, also after its body was asked for', async () => {
    const result = await see(
      (r) => {
        const { headers } = r
        headers.set('x-early', '1')
        const { body } = r
        headers.set('x-late', '1')
        const copy = r.clone()
        return [body !== null, r.headers === headers, copy.headers.get('x-early'), copy.headers.get('x-late')]
      },
      '/',
      post('x'),
    )
    expect(result).toEqual([true, true, '1', '1'])
  })

  it('refuses invalid names', async () => {
    expect(
      await see((r) => {
        try {
          return r.headers.get('a b')
        } catch (error) {
          return (error as Error).name
        }
      }),
    ).toBe('TypeError')
  })

  it.each<[string, (request: Request) => Promise<unknown>, unknown]>([
    ['text', (r) => r.text(), '{"a":"é"}'],
    ['json', (r) => r.json(), { a: 'é' }],
    ['bytes', async (r) => (await r.bytes()).length, 10],
    ['arrayBuffer', async (r) => (await r.arrayBuffer()).byteLength, 10],
    [
      'blob',
      async (r) => [(await r.blob()).size, (await r.blob().catch((e: Error) => e)).constructor.name],
      [10, 'TypeError'],
    ],
    ['body', async (r) => new Response(r.body).text(), '{"a":"é"}'],
    ['clone', async (r) => [await r.clone().text(), await r.text()], ['{"a":"é"}', '{"a":"é"}']],
  ])('gives its content as %s', async (_name, read, expected) => {
    expect(await see(read, '/', post('{"a":"é"}'))).toEqual(expected)
  })

  it('gives its content as formData, urlencoded and multipart', async () => {
    const form = new FormData()
    form.set('name', 'Ada')
    form.set('file', new File(['content'], 'a.txt'))
    expect(
      await see(
        async (r) => {
          const data = await r.formData()
          const file = data.get('file') as File
          return [data.get('name'), file.name, await file.text()]
        },
        '/',
        post(form),
      ),
    ).toEqual(['Ada', 'a.txt', 'content'])
    expect(
      await see(async (r) => (await r.formData()).get('a'), '/', post(new URLSearchParams({ a: 'b c' }))),
    ).toBe('b c')
  })

  it('drops a byte order mark from text, as Fetch does', async () => {
    expect(await see((r) => r.text(), '/', post('\uFEFFx'))).toBe('x')
  })

  it('gives its content once', async () => {
    const result = await see(
      async (r) => {
        const before = r.bodyUsed
        await r.text()
        const again = await r.text().catch((error: Error) => error.name)
        const cloned = ((): string => {
          try {
            return r.clone().method
          } catch (error) {
            return (error as Error).name
          }
        })()
        return [before, r.bodyUsed, again, cloned, r.body === null]
      },
      '/',
      post('x'),
    )
    expect(result).toEqual([false, true, 'TypeError', 'TypeError', false])
  })

  it('has no content where none came, and empty text', async () => {
    expect(await see(async (r) => [r.body, await r.text(), r.bodyUsed], '/', { method: 'POST' })).toEqual([
      null,
      '',
      false,
    ])
  })

  it('streams what comes in pieces, and a large body whole', async () => {
    const size = 1_000_000
    expect(
      await see(
        async (r) => {
          let seen = 0
          for await (const chunk of r.body ?? []) seen += chunk.length
          return seen
        },
        '/',
        post(new Uint8Array(size)),
      ),
    ).toBe(size)
  })

  it('lets a reader with its own buffer read to the end', async () => {
    const read = async (r: Request): Promise<unknown> => {
      const reader = r.body?.getReader({ mode: 'byob' })
      let text = ''
      for (;;) {
        const { value, done } = (await reader?.read(new Uint8Array(4))) ?? {}
        text += new TextDecoder().decode(value)
        if (done !== false) return text
      }
    }
    expect(await see(read, '/', post('0123456789'))).toBe('0123456789')
  })

  it('makes a slow reader slow down the client', async () => {
    const go = Promise.withResolvers<void>()
    const server = await serving({
      requests,
      maxBodyBytes: Infinity,
      fetch: async (r) => {
        const reader = r.body?.getReader()
        await reader?.read()
        await go.promise
        let seen = 0
        for (let next = await reader?.read(); next?.done === false; next = await reader?.read())
          seen += next.value.length
        return textResponse(`rest ${seen > 0}`)
      },
    })
    const client = await rawClient(server.port)
    const size = 50_000_000
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n${CLOSE}\r\n`)
    client.send(new Uint8Array(size))
    await new Promise((resolve) => {
      setTimeout(resolve, 200)
    })
    // Most of it is still on the client's side.
    expect(client.socket.writableLength).toBeGreaterThan(size / 2)
    go.resolve()
    expect(await client.closed).toContain('rest true')
  })

  it('can be the init of a new Request', async () => {
    const result = await see(
      async (r) => {
        const copy = new Request(`${r.url}copy`, r)
        return [copy.method, new URL(copy.url).pathname, copy.headers.get('x-a'), await copy.text()]
      },
      '/',
      post('content', { 'x-a': '1' }),
    )
    expect(result).toEqual(['POST', '/copy', '1', 'content'])
  })

  it('shows no secrets when it is printed', async () => {
    const shown = await see(
      (r) => inspect(r) + inspect(r.headers) + inspect({ deep: { request: r } }, { depth: 5 }),
      '/?q',
      { headers: { authorization: 'Bearer secret', cookie: 'sid=secret', 'x-a': 'shown' } },
    )
    expect(shown).toContain("authorization: '[redacted]'")
    expect(shown).toContain("cookie: '[redacted]'")
    expect(shown).toContain("'x-a': 'shown'")
    expect(shown).toContain("method: 'GET'")
    expect(shown).not.toContain('secret')
  })

  it('shows no field that secretFields names', async () => {
    const server = await serving({
      requests,
      secretFields: ['X-Api-Key'],
      fetch: (r) => textResponse(inspect(r) + inspect(r.headers)),
    })
    const headers = { 'x-api-key': 'secret', authorization: 'shown' }
    const shown = await (await fetch(server.url, { headers })).text()
    expect(shown).toContain("'x-api-key': '[redacted]'")
    expect(shown).toContain("authorization: 'shown'")
    expect(shown).not.toContain('secret')
  })

  it('aborts its signal when the client goes away', async () => {
    const aborted = Promise.withResolvers<unknown>()
    const server = await serving({
      requests,
      fetch: (r) => {
        r.signal.addEventListener('abort', () => {
          aborted.resolve(r.signal.reason)
        })
        return new Promise<Response>(() => {})
      },
    })
    const client = await rawClient(server.port)
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await eventually(() => server.requestsInFlight === 1)
    client.destroy()
    expect(await aborted.promise).toMatchObject({ name: 'AbortError' })
    await eventually(() => server.requestsInFlight === 0)
  })

  it('does not abort its signal when all went well', async () => {
    const signals: AbortSignal[] = []
    const server = await serving({
      requests,
      fetch: async (r) => {
        signals.push(r.signal)
        return textResponse('x')
      },
    })
    await (await fetch(server.url)).text()
    await server.close()
    expect(signals.map((signal) => signal.aborted)).toEqual([false])
  })

  it('fails the reading of a body that the client does not finish; that is no fault of the handler', async () => {
    const failed = Promise.withResolvers<unknown>()
    const logger = recordingLogger()
    const server = await serving({
      requests,
      logger,
      fetch: (r) => {
        const text = r.text()
        text.catch(failed.resolve)
        return text.then((content) => textResponse(content))
      },
    })
    const client = await rawClient(server.port)
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc')
    await eventually(() => server.requestsInFlight === 1)
    client.destroy()
    expect(await failed.promise).toMatchObject({ name: 'AbortError' })
    await eventually(() => server.requestsInFlight === 0)
    expect(logger.records.map((record) => record.event)).not.toContain('handler-failed')
  })

  it('sends 100 Continue when somebody asks for the content, and not before', async () => {
    const go = Promise.withResolvers<void>()
    const server = await serving({
      requests,
      fetch: async (r) => {
        await go.promise
        return textResponse(await r.text())
      },
    })
    const client = await rawClient(server.port)
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n${CLOSE}\r\n`)
    await eventually(() => server.requestsInFlight === 1)
    expect(client.received).toBe('')
    go.resolve()
    await client.until('100 Continue')
    client.send('abc')
    expect(statuses(await client.closed)).toEqual([100, 200])
  })

  it('answers without 100 Continue where nobody asks for the content, and closes', async () => {
    const server = await serving({ requests, fetch: () => textResponse('no', { status: 403 }) })
    const received = await rawExchange(
      server.port,
      'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9000000\r\n\r\n'.replace(
        '9000000',
        '900000',
      ),
    )
    expect(statuses(received)).toEqual([403])
    expect(received).toMatch(/connection: close/i)
  })
})

describe('accept', () => {
  it('refuses before 100 Continue', async () => {
    const router = createRouter()
    router.post('/', echo, {
      accept: () => new Response(null, { status: 415 }),
    })
    const server = await serving({ fetch: router.fetch })
    const received = await rawExchange(
      server.port,
      'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n',
    )
    expect(statuses(received)).toEqual([415])
  })
})

describe('the context', () => {
  it('tells address, time and version, and carries typed metadata', async () => {
    const user = metadataKey<{ readonly name: string }>('user')
    const server = await serving({
      runtime: { now: () => 5, wallClock: () => 1_700_000_000_000 },
      middleware: [
        (next) => (request, context) => {
          context.set(user, { name: 'Ada' })
          return next(request, context)
        },
      ],
      fetch: (_request, context) =>
        jsonResponse([
          context.remoteAddress,
          context.startTime,
          context.httpVersion,
          context.get(user)?.name,
        ]),
    })
    expect(await (await fetch(server.url)).json()).toEqual(['127.0.0.1', 1_700_000_000_000, '1.1', 'Ada'])
    expect(await rawExchange(server.port, 'GET / HTTP/1.0\r\n\r\n')).toContain('"1.0"')
  })

  it("tells the client's port, and never that of a proxy", async () => {
    const answer = async (options: Partial<ServerOptions>, fields: string): Promise<[string, number]> => {
      const server = await serving({
        fetch: (_request, { remotePort }) => textResponse(`<${remotePort}>`),
        ...options,
      })
      const client = await rawClient(server.port)
      client.send(`${fields}GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n`)
      const port = client.socket.localPort ?? 0
      const text = /<(.*)>/.exec(await client.until('>'))?.[1] ?? ''
      client.destroy()
      return [text, port]
    }
    const [own, port] = await answer({}, '')
    expect(own).toBe(String(port))
    expect((await answer({ trustProxy: { hops: 1 } }, ''))[0]).toBe('undefined')
    const [said] = await answer(
      { proxyProtocol: { mode: 'required' } },
      'PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n',
    )
    expect(said).toBe('4711')
  })

  it('shows an IPv4 client of a socket for both families by its IPv4 address', async () => {
    const server = await serving({
      hostname: '::',
      fetch: (_request, context) => textResponse(String(context.remoteAddress)),
    })
    expect(await (await fetch(`http://127.0.0.1:${server.port}`)).text()).toBe('127.0.0.1')
  })

  it('keeps two keys of one description apart', async () => {
    const [a, b] = [metadataKey<string>('x'), metadataKey<string>('x')]
    const server = await serving({
      fetch: (_request, context) => {
        context.set(a, 'a')
        return jsonResponse([context.get(a), context.get(b) ?? null])
      },
    })
    expect(await (await fetch(server.url)).json()).toEqual(['a', null])
  })
})

describe('requests by default', () => {
  it('are light for our router and native for any other handler', async () => {
    const isLight = (request: Request): Response => {
      try {
        return textResponse(`native ${new Request(request).method}`)
      } catch {
        return textResponse('light')
      }
    }
    const router = createRouter()
    router.get('/', isLight)
    const [ours, other] = [await serving({ fetch: router.fetch }), await serving({ fetch: isLight })]
    expect(await (await fetch(ours.url)).text()).toBe('light')
    expect(await (await fetch(other.url)).text()).toBe('native GET')
  })
})
