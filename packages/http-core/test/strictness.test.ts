import { describe, expect, it } from 'vitest'
import { byteSourceSymbol, textResponse } from '../src/index.ts'
import { asksBeforeUpgrades } from './node-capabilities.ts'
import { rawClient, rawExchange, statuses } from './raw-client.ts'
import { eventually, serving } from './serving.ts'

const CRLF = '\r\n'
const H = 'Host: a.example\r\n'
const close = 'Connection: close\r\n'
const get = (fields: string, target = '/'): string => `GET ${target} HTTP/1.1${CRLF}${fields}${CRLF}`
const post = (fields: string, content = ''): string => `POST / HTTP/1.1${CRLF}${H}${fields}${CRLF}${content}`

/** Bytes in; the statuses that come out before the server closes the connection. */
const CASES: readonly (readonly [name: string, bytes: string, expected: readonly number[]])[] = [
  ['a plain request', get(H + close), [200]],
  ['HTTP/1.0 without a Host', `GET / HTTP/1.0${CRLF}${CRLF}`, [200]],
  ['two pipelined requests', get(H) + get(H + close), [200, 200]],
  ['an empty line before the request (RFC 9112 2.2)', CRLF + get(H + close), [200]],

  // Host, RFC 9112 section 3.2
  ['no Host', get(close), [400]],
  ['an empty Host', get(`Host:${CRLF}`), [400]],
  ['two Hosts', get(H + H), [400]],
  ['two different Hosts', get(`${H}Host: b.example${CRLF}`), [400]],
  ['a Host with user information', get(`Host: u@a.example${CRLF}`), [400]],
  ['a Host with a path', get(`Host: a.example/x${CRLF}`), [400]],
  ['a Host with a space', get(`Host: a example${CRLF}`), [400]],
  ['a Host with a bad port', get(`Host: a.example:99999${CRLF}`), [400]],
  ['a Host with a port that is no number', get(`Host: a.example:x${CRLF}`), [400]],
  ['a Host of two names', get(`Host: a.example,b.example${CRLF}`), [400]],
  ['a Host that is an IPv6 address', get(`Host: [::1]:80${CRLF}${close}`), [200]],
  ['a Host that is no IPv6 address', get(`Host: [::zz]${CRLF}`), [400]],

  // Targets, RFC 9112 section 3.2
  ['absolute-form', get(H + close, 'http://b.example/x?y'), [200]],
  ['absolute-form without a path', get(H + close, 'http://b.example'), [200]],
  ['absolute-form of another scheme', get(H, 'ftp://b.example/'), [400]],
  ['absolute-form without a host', get(H, 'http:///x'), [400]],
  ['absolute-form with user information', get(H, 'http://u:p@b.example/'), [400]],
  ['a target that is a word', get(H, 'x'), [400]],
  ['a target with a fragment', get(H, '/#x'), [400]],
  ['a target with a space', get(H, '/a b'), [400]],
  ['a target with a raw byte above ASCII', get(H, '/\u00e9'), [400]],
  ['a target with a control', get(H, '/\u0001'), [400]],
  ['asterisk-form with GET', get(H, '*'), [400]],
  ['asterisk-form with OPTIONS', `OPTIONS * HTTP/1.1${CRLF}${H}${close}${CRLF}`, [204]],
  ['CONNECT', `CONNECT a.example:443 HTTP/1.1${CRLF}${H}${CRLF}`, [501]],
  ['TRACE', `TRACE / HTTP/1.1${CRLF}${H}${CRLF}`, [501]],

  // Upgrades, RFC 9110 section 7.8: what comes behind one in the same packet is served, or the answer says close.
  [
    'a request behind an ignored upgrade',
    get(`${H}Connection: upgrade${CRLF}Upgrade: x${CRLF}`) + get(H),
    [200],
  ],
  [
    'a request behind a handshake that nobody takes',
    get(`${H}Connection: upgrade${CRLF}Upgrade: websocket${CRLF}`) + get(H),
    [200],
  ],
  [
    'content of an ignored upgrade, and a request behind it',
    post(`Connection: upgrade${CRLF}Upgrade: x${CRLF}Content-Length: 3${CRLF}`, 'abc') + get(H),
    [asksBeforeUpgrades ? 200 : 501],
  ],
  [
    'an upgrade that nobody offers',
    get(`${H}Connection: close, upgrade${CRLF}Upgrade: websocket${CRLF}`),
    [200],
  ],

  // The request line and the fields
  ['garbage', `\u0016\u0003\u0001 hello${CRLF}${CRLF}`, [400]],
  ['an unknown method', `BREW / HTTP/1.1${CRLF}${H}${CRLF}`, [400]],
  ['a lower-case method', `get / HTTP/1.1${CRLF}${H}${CRLF}`, [400]],
  ['no version (HTTP/0.9)', `GET /${CRLF}${CRLF}`, [505]],
  // RFC 9110 section 2.5 would serve it as HTTP/1.1; Node's parser lets it pass only with all of its checks off.
  ['HTTP/1.2', `GET / HTTP/1.2${CRLF}${H}${CRLF}`, [505]],
  ['HTTP/1.9', `GET / HTTP/1.9${CRLF}${H}${CRLF}`, [505]],
  ['HTTP/2.0', `GET / HTTP/2.0${CRLF}${H}${CRLF}`, [505]],
  ['the HTTP/2 preface', `PRI * HTTP/2.0${CRLF}${CRLF}SM${CRLF}${CRLF}`, [400]],
  ['a folded field (obs-fold)', get(`${H}X-A: b${CRLF} c${CRLF}`), [400]],
  ['a space before the colon', get(`${H}X-A : b${CRLF}`), [400]],
  ['a field without a colon', get(`${H}nonsense${CRLF}`), [400]],
  ['a field without a name', get(`${H}: b${CRLF}`), [400]],
  ['a NUL in a value', get(`${H}X-A: b\u0000c${CRLF}`), [400]],
  ['a bare CR in a value', get(`${H}X-A: b\rc${CRLF}`), [400]],
  ['bare LF as line ends', `GET / HTTP/1.1\n${H}\n`, [400]],

  // Framing, RFC 9112 section 6
  [
    'a length and a transfer coding',
    post(`Content-Length: 3${CRLF}Transfer-Encoding: chunked${CRLF}`, `0${CRLF}${CRLF}`),
    [400],
  ],
  ['two lengths', post(`Content-Length: 3${CRLF}Content-Length: 4${CRLF}`, 'abc'), [400]],
  ['two equal lengths', post(`Content-Length: 3${CRLF}Content-Length: 3${CRLF}`, 'abc'), [400]],
  ['a list of lengths', post(`Content-Length: 3, 3${CRLF}`, 'abc'), [400]],
  ['a negative length', post(`Content-Length: -3${CRLF}`, 'abc'), [400]],
  ['a length with a sign', post(`Content-Length: +3${CRLF}`, 'abc'), [400]],
  ['a length in hex', post(`Content-Length: 0x3${CRLF}`, 'abc'), [400]],
  ['a length beyond 2^64', post(`Content-Length: 99999999999999999999${CRLF}`), [400]],
  ['an unknown transfer coding', post(`Transfer-Encoding: gzip${CRLF}`), [400]],
  ['a coding before chunked', post(`Transfer-Encoding: gzip, chunked${CRLF}`, `0${CRLF}${CRLF}`), [501]],
  [
    'a coding before chunked, in a field of its own',
    post(`Transfer-Encoding: gzip${CRLF}Transfer-Encoding: chunked${CRLF}`, `0${CRLF}${CRLF}`),
    [501],
  ],
  ['chunked with a parameter', post(`Transfer-Encoding: chunked;q=1${CRLF}`, `0${CRLF}${CRLF}`), [400]],
  [
    'chunked in HTTP/1.0, behind which nothing is served (RFC 9112 6.1)',
    `POST / HTTP/1.0${CRLF}Connection: keep-alive${CRLF}Transfer-Encoding: chunked${CRLF}${CRLF}0${CRLF}${CRLF}${get(H)}`,
    [200],
  ],
  ['chunked in upper case', post(`Transfer-Encoding: CHUNKED${CRLF}${close}`, `0${CRLF}${CRLF}`), [200]],
  ['chunked twice', post(`Transfer-Encoding: chunked, chunked${CRLF}`, `0${CRLF}${CRLF}`), [400]],
  ['identity before chunked', post(`Transfer-Encoding: identity, chunked${CRLF}`, `0${CRLF}${CRLF}`), [501]],
  ['an empty transfer coding', post(`Transfer-Encoding: ${CRLF}`, `0${CRLF}${CRLF}`), [400]],
  ['an empty length', post(`Content-Length: ${CRLF}`), [400]],
  ['a length with a fraction', post(`Content-Length: 3.0${CRLF}`, 'abc'), [400]],
  ['a length in quotes', post(`Content-Length: "3"${CRLF}`, 'abc'), [400]],
  ['chunked that is not last', post(`Transfer-Encoding: chunked, gzip${CRLF}`), [400]],
  ['a hidden chunked', post(`Transfer-Encoding: xchunked${CRLF}`), [400]],
  ['chunked', post(`Transfer-Encoding: chunked${CRLF}${close}`, `3${CRLF}abc${CRLF}0${CRLF}${CRLF}`), [200]],
  [
    'chunked in upper-case hex',
    post(`Transfer-Encoding: chunked${CRLF}${close}`, `A${CRLF}0123456789${CRLF}0${CRLF}${CRLF}`),
    [200],
  ],
  [
    'chunked with an extension',
    post(`Transfer-Encoding: chunked${CRLF}${close}`, `3;x=y${CRLF}abc${CRLF}0${CRLF}${CRLF}`),
    [200],
  ],
  [
    'chunked with a trailer',
    post(`Transfer-Encoding: chunked${CRLF}${close}`, `3${CRLF}abc${CRLF}0${CRLF}X-T: 1${CRLF}${CRLF}`),
    [200],
  ],
  [
    'a chunk size that is no number',
    post(`Transfer-Encoding: chunked${CRLF}`, `x${CRLF}abc${CRLF}0${CRLF}${CRLF}`),
    [400],
  ],
  [
    'a negative chunk size',
    post(`Transfer-Encoding: chunked${CRLF}`, `-3${CRLF}abc${CRLF}0${CRLF}${CRLF}`),
    [400],
  ],
  [
    'a chunk size beyond 2^64',
    post(`Transfer-Encoding: chunked${CRLF}`, `fffffffffffffffff${CRLF}abc`),
    [400],
  ],
  [
    'a chunk longer than its size',
    post(`Transfer-Encoding: chunked${CRLF}`, `3${CRLF}abcdef${CRLF}0${CRLF}${CRLF}`),
    [400],
  ],
  [
    'a chunk that ends in a bare LF',
    post(`Transfer-Encoding: chunked${CRLF}`, `3${CRLF}abc\n0${CRLF}${CRLF}`),
    [400],
  ],

  // Expectations, RFC 9110 section 10.1.1
  ['an unknown expectation', post(`Expect: tea${CRLF}Content-Length: 0${CRLF}`), [417]],
  [
    'an expectation that only looks like it',
    post(`Expect: x-100-continue${CRLF}Content-Length: 0${CRLF}`),
    [417],
  ],
  ['an unknown one beside it', post(`Expect: 100-continue, tea${CRLF}Content-Length: 0${CRLF}`), [417]],
  [
    'the same twice',
    post(`Expect: 100-Continue${CRLF}Expect: 100-continue${CRLF}${close}Content-Length: 0${CRLF}`),
    [200],
  ],
  ['no expectation at all', post(`Expect: ${CRLF}${close}Content-Length: 3${CRLF}`, 'abc'), [200]],
  [
    'an expectation of HTTP/1.0',
    `POST / HTTP/1.0${CRLF}Expect: tea${CRLF}Content-Length: 3${CRLF}${CRLF}abc`,
    [200],
  ],
  ['an unknown expectation and two Hosts', post(`${H}Expect: tea${CRLF}Content-Length: 0${CRLF}`), [400]],
  [
    'an unknown expectation behind the last request of a connection',
    get(H + close) + post(`Expect: tea${CRLF}Content-Length: 0${CRLF}`),
    [200],
  ],

  // Errors after a good request: its response comes first
  ['a bad request behind a good one', `${get(H)}nonsense${CRLF}${CRLF}`, [200, 400]],
]

describe('CONNECT', () => {
  it('is answered, and the connection destroyed if the client keeps its side open', async () => {
    const server = await serving({ fetch: () => textResponse('x') })
    const client = await rawClient({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
    client.send(`CONNECT a.example:443 HTTP/1.1${CRLF}${H}${CRLF}`)
    expect(statuses(await client.until('501'))).toEqual([501])
    await eventually(() => server.activeConnections === 0)
    client.destroy()
  })

  it('behind a request closes the connection after the response, which nobody takes for that to CONNECT', async () => {
    const server = await serving({ fetch: () => textResponse('x') })
    const bytes = `${get(H)}CONNECT a.example:443 HTTP/1.1${CRLF}${H}${CRLF}`
    expect(statuses(await rawExchange(server.port, bytes))).toEqual([200])
  })

  it('does no harm when the client resets the connection', async () => {
    const server = await serving({ fetch: () => textResponse('x') })
    const client = await rawClient(server.port)
    client.send(`CONNECT a.example:443 HTTP/1.1${CRLF}${H}${CRLF}`)
    await client.until('501')
    client.socket.resetAndDestroy()
    await eventually(() => server.activeConnections === 0)
    expect(await (await fetch(server.url)).text()).toBe('x')
  })
})

describe('what comes behind the last response of a connection', () => {
  it.each(['auto', 'off'] as const)(
    'is dropped, and too much of it ends the connection (socketHandover %s)',
    async (socketHandover) => {
      const server = await serving({
        socketHandover,
        fetch: () =>
          Object.assign(
            new Response(new ReadableStream(), {
              headers: { 'content-type': 'text/event-stream', connection: 'close' },
            }),
            { [byteSourceSymbol]: { attach: () => ({ drained: () => {}, closed: () => {} }) } },
          ),
      })
      const client = await rawClient(server.port)
      client.send(get(H))
      await client.until(`${CRLF}${CRLF}`)
      client.send(`POST / HTTP/1.1${CRLF}${H}Content-Length: 1000000000${CRLF}${CRLF}`)
      const piece = Buffer.alloc(65_536)
      let sent = 0
      while (!client.socket.destroyed) {
        client.send(piece)
        sent += piece.length
        await new Promise((resolve) => {
          setImmediate(resolve)
        })
      }
      expect(sent).toBeGreaterThan(1_048_576)
      expect(statuses(client.received)).toEqual([200])
      await eventually(() => server.requestsInFlight === 0)
    },
  )
})

describe('what is not HTTP is refused, and the connection closed', () => {
  it.each(CASES)('%s', async (_name, bytes, expected) => {
    const server = await serving({
      fetch: async (request) => textResponse(`{${await request.text()}}`),
    })
    expect(statuses(await rawExchange(server.port, Buffer.from(bytes, 'latin1')))).toEqual(expected)
  })

  it.each(CASES)('%s, byte by byte', async (_name, bytes, expected) => {
    const server = await serving({
      fetch: async (request) => textResponse(`{${await request.text()}}`),
    })
    const client = await rawClient(server.port)
    client.socket.setNoDelay(true)
    for (const byte of Buffer.from(bytes, 'latin1')) {
      if (client.socket.destroyed) break
      client.send(Uint8Array.of(byte))
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
    expect(statuses(await client.closed)).toEqual(expected)
  })
})
