import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { connect } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { jsonResponse } from '../src/index.ts'
import { createServer } from '../src/node/index.ts'
import type { ProxyProtocolOptions } from '../src/node/index.ts'
import { parseProxyHeader } from '../src/node/connection/proxy-protocol.ts'
import type { ProxyParse } from '../src/node/connection/proxy-protocol.ts'
import { testOnly } from './certificates.ts'
import { rawClient } from './raw-client.ts'
import { recordingLogger, serving } from './serving.ts'

const MAX = 4096
const V1 = 'PROXY TCP4 192.0.2.1 198.51.100.2 4711 443\r\n'
const SIGNATURE = '0d0a0d0a000d0a515549540a'

function v2(hex: { command: string; family: string; rest?: string }): Buffer {
  const rest = Buffer.from((hex.rest ?? '').replaceAll(' ', ''), 'hex')
  const length = rest.length.toString(16).padStart(4, '0')
  return Buffer.concat([Buffer.from(SIGNATURE + hex.command + hex.family + length, 'hex'), rest])
}

/** CRC-32C of a header of IPV4 with this value in it, computed apart from ours. */
const CHECKSUM = '1eaf4baa'
const IPV4 = 'c0000201 c6336402 1267 01bb'
const IPV6 = '20010db8000000000000000000000001 20010db8000000000000000000000002 1267 01bb'
const endpoints = (source: string, destination: string): object => ({
  source: { address: source, port: 4711 },
  destination: { address: destination, port: 443 },
})

/** Bytes in; the header that comes out. */
const HEADERS: readonly (readonly [name: string, bytes: Buffer, expected: object])[] = [
  ['v1 TCP4', Buffer.from(V1), { version: 1, command: 'proxy', ...endpoints('192.0.2.1', '198.51.100.2') }],
  [
    'v1 TCP6',
    Buffer.from('PROXY TCP6 2001:db8::1 2001:db8::2 4711 443\r\n'),
    { version: 1, command: 'proxy', ...endpoints('2001:db8::1', '2001:db8::2') },
  ],
  ['v1 UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n'), { version: 1, command: 'unknown', source: undefined }],
  [
    'v1 UNKNOWN with what must be ignored',
    Buffer.from('PROXY UNKNOWN ffff::1 nonsense\r\n'),
    { version: 1, command: 'unknown', source: undefined },
  ],
  ['v2 LOCAL', v2({ command: '20', family: '00' }), { version: 2, command: 'local', source: undefined }],
  [
    'v2 LOCAL with what must be skipped',
    v2({ command: '20', family: '11', rest: 'ff' }),
    { version: 2, command: 'local', source: undefined },
  ],
  [
    'v2 TCP over IPv4',
    v2({ command: '21', family: '11', rest: IPV4 }),
    { version: 2, command: 'proxy', ...endpoints('192.0.2.1', '198.51.100.2') },
  ],
  [
    'v2 TCP over IPv6',
    v2({ command: '21', family: '21', rest: IPV6 }),
    { version: 2, command: 'proxy', ...endpoints('2001:db8::1', '2001:db8::2') },
  ],
  [
    'v2 over IPv6, of an address that was mapped',
    v2({
      command: '21',
      family: '21',
      rest: `00000000000000000000ffffc0000201 00000000000000000000ffffc6336402 1267 01bb`,
    }),
    { version: 2, command: 'proxy', ...endpoints('192.0.2.1', '198.51.100.2') },
  ],
  ['v2 UNSPEC', v2({ command: '21', family: '00' }), { version: 2, command: 'unknown', source: undefined }],
  [
    'v2 over a Unix socket',
    v2({ command: '21', family: '31', rest: '00'.repeat(216) }),
    { version: 2, command: 'unknown', source: undefined },
  ],
  [
    'v2 with values',
    v2({ command: '21', family: '11', rest: `${IPV4} 01 0002 6832 04 0001 00` }),
    {
      version: 2,
      values: new Map([
        [1, new Uint8Array(Buffer.from('h2'))],
        [4, new Uint8Array([0])],
      ]),
    },
  ],
]

const INVALID: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['v1 of an unknown family', Buffer.from('PROXY UDP4 192.0.2.1 198.51.100.2 4711 443\r\n')],
  ['v1 with an address of the other family', Buffer.from('PROXY TCP4 2001:db8::1 198.51.100.2 4711 443\r\n')],
  ['v1 without a port', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.2 4711\r\n')],
  ['v1 with more than there is', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.2 4711 443 1\r\n')],
  ['v1 with a port above 65535', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.2 4711 65536\r\n')],
  ['v1 with a port with a leading zero', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.2 04711 443\r\n')],
  ['v1 with two spaces', Buffer.from('PROXY  TCP4 192.0.2.1 198.51.100.2 4711 443\r\n')],
  ['v1 without an end', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(200)}`)],
  ['v2 of another version', v2({ command: '31', family: '11', rest: IPV4 })],
  ['v2 of another command', v2({ command: '22', family: '11', rest: IPV4 })],
  ['v2 of an unknown family', v2({ command: '21', family: '41', rest: IPV4 })],
  ['v2 shorter than its addresses', v2({ command: '21', family: '21', rest: IPV4 })],
  ['v2 longer than the limit', v2({ command: '21', family: '00', rest: '00'.repeat(MAX) })],
  ['v2 with a value cut short', v2({ command: '21', family: '11', rest: `${IPV4} 01 0005 68` })],
  ['v2 with half a value head', v2({ command: '21', family: '11', rest: `${IPV4} 01 00` })],
  ['v2 with a wrong checksum', v2({ command: '21', family: '11', rest: `${IPV4} 03 0004 01020304` })],
  ['v2 with a short checksum', v2({ command: '21', family: '11', rest: `${IPV4} 03 0001 01` })],
]

/** As it is when the bytes come one by one: the last outcome, and at which byte it was there. */
function parseByteByByte(bytes: Buffer): { outcome: ProxyParse; length: number } {
  for (let length = 1; length < bytes.length; length += 1) {
    const outcome = parseProxyHeader(bytes.subarray(0, length), MAX)
    if (outcome.kind !== 'incomplete') return { outcome, length }
  }
  return { outcome: parseProxyHeader(bytes, MAX), length: bytes.length }
}

describe('a PROXY header', () => {
  it.each(HEADERS)('%s, whole and byte by byte, and no byte more', (_name, bytes, expected) => {
    const more = Buffer.concat([bytes, Buffer.from('GET / HTTP/1.1\r\n')])
    expect(parseProxyHeader(more, MAX)).toMatchObject({
      kind: 'header',
      header: expected,
      length: bytes.length,
    })
    const { outcome, length } = parseByteByByte(bytes)
    expect(outcome).toMatchObject({ kind: 'header', header: expected })
    expect(length).toBe(bytes.length)
  })

  it.each(INVALID)('%s is invalid', (_name, bytes) => {
    expect(parseProxyHeader(bytes, MAX)).toMatchObject({ kind: 'invalid' })
    expect(parseByteByByte(bytes).outcome).toMatchObject({ kind: 'invalid' })
  })

  it.each(['GET / HTTP/1.1\r\n', 'PROX', 'PROXY', '\r\n\r\nGET', '\u0016\u0003\u0001', 'PUT / HTTP/1.1', ''])(
    'is not what begins with %j',
    (text) => {
      const { kind } = parseProxyHeader(Buffer.from(text, 'latin1'), MAX)
      expect(kind).toBe('PROXY '.startsWith(text) ? 'incomplete' : 'absent')
    },
  )

  it('passes its checksum', () => {
    // CRC-32C of the header with zeros in place of the checksum.
    const bytes = v2({ command: '21', family: '11', rest: `${IPV4} 03 0004 ${CHECKSUM}` })
    expect(parseProxyHeader(bytes, MAX)).toMatchObject({ kind: 'header' })
  })
})

const show = (
  _request: Request,
  { remoteAddress, proxyHeader }: { remoteAddress?: unknown; proxyHeader?: unknown },
): Response => jsonResponse({ remoteAddress, header: proxyHeader })
const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
const proxied = (
  mode: ProxyProtocolOptions['mode'],
  more: Partial<ProxyProtocolOptions> = {},
): ProxyProtocolOptions => ({
  mode,
  ...(mode === 'optional' && { from: ['127.0.0.0/8'] }),
  ...more,
})

describe('proxyProtocol', () => {
  it('gives the client of the proxy as the remote address', async () => {
    const server = await serving({ fetch: show, proxyProtocol: proxied('required') })
    for (const header of [Buffer.from(V1), v2({ command: '21', family: '11', rest: IPV4 })]) {
      const client = await rawClient(server.port)
      client.send(Buffer.concat([header, Buffer.from(GET)]))
      expect(await client.closed).toContain('{"remoteAddress":"192.0.2.1","header":{')
    }
  })

  it('takes header and request byte by byte', async () => {
    const server = await serving({ fetch: show, proxyProtocol: proxied('required') })
    const client = await rawClient(server.port)
    client.socket.setNoDelay(true)
    for (const byte of Buffer.from(V1 + GET)) {
      client.send(Uint8Array.of(byte))
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
    expect(await client.closed).toContain('"remoteAddress":"192.0.2.1"')
  })

  it('gives the address of the proxy itself for LOCAL and UNKNOWN', async () => {
    const server = await serving({ fetch: show, proxyProtocol: proxied('required') })
    const client = await rawClient(server.port)
    client.send(Buffer.concat([v2({ command: '20', family: '00' }), Buffer.from(GET)]))
    expect(await client.closed).toContain(
      '"remoteAddress":"127.0.0.1","header":{"version":2,"command":"local"',
    )
  })

  it.each([
    ['no header', GET],
    ['a broken header', 'PROXY TCP4 nonsense\r\n'],
  ])("closes without an answer on %s, where it is 'required'", async (_name, bytes) => {
    const logger = recordingLogger()
    const server = await serving({ fetch: show, proxyProtocol: proxied('required'), logger })
    const client = await rawClient(server.port)
    client.send(bytes)
    expect(await client.closed).toBe('')
    expect(logger.records.map(({ event }) => event)).toContain('connection-failed')
    expect(server.requestsInFlight).toBe(0)
  })

  it("serves a connection as it is where it is 'optional' and there is no header", async () => {
    const server = await serving({ fetch: show, proxyProtocol: proxied('optional') })
    const client = await rawClient(server.port)
    client.send(GET)
    expect(await client.closed).toContain('{"remoteAddress":"127.0.0.1"}')
    const other = await rawClient(server.port)
    other.send(V1 + GET)
    expect(await other.closed).toContain('"remoteAddress":"192.0.2.1"')
  })

  it('believes only the proxies that the options name', async () => {
    const required = await serving({
      fetch: show,
      proxyProtocol: proxied('required', { from: ['10.0.0.0/8'] }),
    })
    const refused = await rawClient(required.port)
    refused.send(V1 + GET)
    expect(await refused.closed).toBe('')
    const optional = await serving({
      fetch: show,
      proxyProtocol: proxied('optional', { from: ['10.0.0.0/8'] }),
    })
    const client = await rawClient(optional.port)
    client.send(V1 + GET)
    // From an address that is not trusted, it is a malformed request line.
    expect(await client.closed).toMatch(/^HTTP\/1\.1 400 /)
  })

  it('closes when the header takes longer than timeoutMs', async () => {
    const server = await serving({ fetch: show, proxyProtocol: proxied('required', { timeoutMs: 20 }) })
    const client = await rawClient(server.port)
    client.send('PROXY TC')
    expect(await client.closed).toBe('')
  })

  it('closes as soon as a header says that it is longer than maxBytes', async () => {
    const server = await serving({ fetch: show, proxyProtocol: proxied('required', { maxBytes: 300 }) })
    const client = await rawClient(server.port)
    client.send(v2({ command: '21', family: '11', rest: '00'.repeat(400) }).subarray(0, 16))
    expect(await client.closed).toBe('')
  })

  it('comes before TLS, with what the handshake needs behind it in the same packet', async () => {
    const server = await serving({ fetch: show, proxyProtocol: proxied('required'), tls: testOnly })
    const tcp = connectTcp(server.port, '127.0.0.1')
    await once(tcp, 'connect')
    tcp.write(V1)
    const socket = connect({ socket: tcp, servername: 'localhost', ca: testOnly.cert })
    await once(socket, 'secureConnect')
    socket.write(GET)
    let text = ''
    for await (const chunk of socket) text += String(chunk)
    expect(text).toContain('"remoteAddress":"192.0.2.1"')
  })

  it('holds for every stream of an HTTP/2 connection, and of its own alone', async () => {
    const server = await serving({ fetch: show, proxyProtocol: proxied('required'), tls: testOnly })
    const asked = async (address: string): Promise<string> => {
      const tcp = connectTcp(server.port, '127.0.0.1')
      await once(tcp, 'connect')
      tcp.write(`PROXY TCP4 ${address} 198.51.100.2 4711 443\r\n`)
      const socket = connect({
        socket: tcp,
        servername: 'localhost',
        ca: testOnly.cert,
        ALPNProtocols: ['h2'],
      })
      await once(socket, 'secureConnect')
      const session = connectHttp2('https://localhost', { createConnection: () => socket })
      onTestFinished(() => {
        session.destroy()
      })
      const [stream] = [1, 2].map(() => session.request({ ':path': '/' }))
      return String((await once(stream ?? session, 'data'))[0])
    }
    const answers = await Promise.all(['192.0.2.1', '192.0.2.2', '192.0.2.3'].map(asked))
    expect(answers.map((text) => /"remoteAddress":"([^"]+)"/.exec(text)?.[1])).toEqual([
      '192.0.2.1',
      '192.0.2.2',
      '192.0.2.3',
    ])
  })

  it('is what X-Forwarded-For is read after', async () => {
    const server = await serving({
      fetch: show,
      proxyProtocol: proxied('required'),
      trustProxy: { addresses: ['192.0.2.1'] },
    })
    const client = await rawClient(server.port)
    client.send(`${V1}GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n\r\n`)
    expect(await client.closed).toContain('"remoteAddress":"203.0.113.9"')
  })

  it('does not hold up a stop', async () => {
    const server = await serving({ fetch: show, proxyProtocol: proxied('required') })
    const silent = await rawClient(server.port)
    const begun = await rawClient(server.port)
    begun.send('PROXY ')
    expect(await server.close({ timeoutMs: Infinity })).toEqual({ destroyedConnections: 0, call: 'first' })
    await Promise.all([silent.closed, begun.closed])
  })

  it.each([
    [{ mode: 'always' }, 'proxyProtocol.mode'],
    [{ mode: 'optional' }, 'proxyProtocol.from'],
    [{ mode: 'required', from: ['10.0.0.0/33'] }, 'proxyProtocol.from'],
    [{ mode: 'required', timeoutMs: 0 }, 'proxyProtocol.timeoutMs'],
    [{ mode: 'required', maxBytes: 10 }, 'proxyProtocol.maxBytes'],
  ])('refuses %j', (proxyProtocol, option) => {
    expect(() => createServer({ fetch: show, proxyProtocol: proxyProtocol as ProxyProtocolOptions })).toThrow(
      expect.objectContaining({ code: 'invalid-option', option }),
    )
  })
})

it('a refusal is logged with the address of the client', async () => {
  const logger = recordingLogger()
  const server = await serving({ fetch: show, proxyProtocol: proxied('required'), logger })
  for (const request of [
    'TRACE / HTTP/1.1\r\nHost: a\r\n\r\n',
    'nonsense\r\n\r\n',
    'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
  ]) {
    const client = await rawClient(server.port)
    client.send(V1 + request)
    await client.closed
  }
  const refused = logger.records.filter(({ event }) => event === 'request-refused')
  expect(refused.map(({ status, remoteAddress }) => [status, remoteAddress])).toEqual([
    [501, '192.0.2.1'],
    [400, '192.0.2.1'],
    [501, '192.0.2.1'],
  ])
})
