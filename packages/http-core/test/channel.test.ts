import { once } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { HttpError, cors, createRouter, textResponse } from '../src/index.ts'
import { connectionUpgradeSymbol, createServer } from '../src/node/index.ts'
import type { ConnectionUpgrade } from '../src/node/index.ts'
import { accessLog } from '../src/middleware/access-log.ts'
import {
  channel,
  checkHandshake,
  isWebSocketHandshake,
  webSocketAccept,
} from '../src/node/web-socket/index.ts'
import type {
  Channel,
  ChannelCloseStatus,
  ChannelHooks,
  ChannelOptions,
} from '../src/node/web-socket/index.ts'
import { testOnly } from './certificates.ts'
import { asksBeforeUpgrades } from './node-capabilities.ts'
import { rawClient, rawExchange } from './raw-client.ts'
import { eventually, recordingLogger, serving } from './serving.ts'

const HANDSHAKE = [
  'GET / HTTP/1.1',
  'Host: a.example',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
]
const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n'

interface Recorded {
  readonly hooks: ChannelHooks
  readonly channels: Channel[]
  readonly closes: ChannelCloseStatus[]
}

function recorded(hooks: ChannelHooks = {}): Recorded {
  const channels: Channel[] = []
  const closes: ChannelCloseStatus[] = []
  return {
    channels,
    closes,
    hooks: {
      ...hooks,
      open: (opened) => {
        channels.push(opened)
        hooks.open?.(opened)
      },
      close: (closed, status) => {
        closes.push(status)
        hooks.close?.(closed, status)
      },
    },
  }
}

function servingChannel(hooks: ChannelHooks, options?: ChannelOptions): ReturnType<typeof serving> {
  return serving({ fetch: (request) => channel(request, hooks, options) })
}

function webSocket(port: number, protocols: string[] = [], headers: Record<string, string> = {}): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, protocols, { headers })
  socket.on('error', () => {})
  onTestFinished(() => {
    socket.terminate()
  })
  return socket
}

async function closeCode(socket: WebSocket): Promise<number> {
  const [code] = (await once(socket, 'close')) as [number]
  return code
}

describe('a channel over HTTP', () => {
  it('is a whole response after one send, with status, fields and a length', async () => {
    const { hooks, closes } = recorded({
      open: (opened) => {
        expect(opened.kind).toBe('http')
        expect(opened.send({ status: 201, headers: { 'x-a': '1' }, body: 'hello' })).toBe(true)
        expect(opened.send('more')).toBe(false)
        expect([opened.isOpen, opened.close()]).toEqual([false, false])
      },
    })
    const server = await servingChannel(hooks)
    const response = await fetch(server.url)
    expect([response.status, response.headers.get('x-a'), response.headers.get('content-length')]).toEqual([
      201,
      '1',
      '5',
    ])
    expect([await response.text(), closes]).toEqual(['hello', ['server-close']])
  })

  it('waits as long as it likes for its first send: long polling', async () => {
    const { hooks, channels } = recorded()
    const server = await servingChannel(hooks)
    const response = fetch(server.url)
    await eventually(() => channels.length === 1)
    expect(channels[0]?.send('late')).toBe(true)
    expect(await (await response).text()).toBe('late')
  })

  it('streams where sends do not close, in order, text and bytes', async () => {
    const { hooks, channels, closes } = recorded()
    const server = await servingChannel(hooks)
    const client = await rawClient(server.port)
    client.send(GET)
    await eventually(() => channels.length === 1)
    const [opened] = channels
    expect(opened?.send({ headers: { 'content-type': 'text/plain' }, body: 'a' }, { close: false })).toBe(
      true,
    )
    await client.until(/content-type: text\/plain[^]*\r\n1\r\na\r\n/i)
    expect(opened?.send(new Uint8Array([98]), { close: false })).toBe(true)
    await client.until('1\r\nb\r\n')
    expect(() => opened?.send({ status: 500 }, { close: false })).toThrow(
      expect.objectContaining({ code: 'head-sent' }),
    )
    expect(opened?.send('c')).toBe(true)
    await client.until('1\r\nc\r\n0\r\n\r\n')
    expect(closes).toEqual(['server-close'])
  })

  it('that is closed without a send is a 204', async () => {
    const server = await servingChannel({ open: (opened) => void opened.close() })
    expect((await fetch(server.url)).status).toBe(204)
  })

  it.each([false, true])(
    "ends with 'client-close' when the client goes away (after a send: %s)",
    async (isBegun) => {
      const { hooks, channels, closes } = recorded({
        open: (opened) => {
          if (isBegun) opened.send('begun', { close: false })
        },
      })
      const server = await servingChannel(hooks)
      const client = await rawClient(server.port)
      client.send(GET)
      if (isBegun) await client.until('begun')
      await eventually(() => channels.length === 1)
      client.destroy()
      await eventually(() => closes.length === 1)
      expect(closes).toEqual(['client-close'])
      expect(channels[0]?.send('x')).toBe(false)
      const late: ChannelCloseStatus[] = []
      channels[0]?.onClose((status) => late.push(status))
      expect(late).toEqual(['client-close'])
    },
  )

  it('is ready when the client has read, and is closed when too much waits', async () => {
    const { hooks, channels, closes } = recorded()
    const server = await servingChannel(hooks, { maxBufferedBytes: 500_000 })
    const client = await rawClient(server.port)
    client.socket.pause()
    client.send(GET)
    await eventually(() => channels.length === 1)
    const [opened] = channels
    while (opened?.send('x'.repeat(50_000), { close: false }) === true) {
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
    expect(closes).toEqual(['server-close'])
    await opened?.ready()

    const patient = await rawClient(server.port)
    patient.send(GET)
    await eventually(() => channels.length === 2)
    for (let index = 0; index < 100; index += 1) {
      await channels[1]?.ready()
      expect(channels[1]?.send('x'.repeat(50_000), { close: index === 99 })).toBe(true)
    }
    await patient.until(/0\r\n\r\n$/)
  })

  it('answers with the HttpError that init throws, and with 500 to another', async () => {
    const init = (): never => {
      throw new HttpError(401, 'Sign in first.')
    }
    const server = await servingChannel({ init })
    expect((await fetch(server.url)).status).toBe(401)
    const other = await servingChannel({
      open: () => {
        throw new Error('boom')
      },
    })
    expect((await fetch(other.url)).status).toBe(500)
  })

  it("ends with 'server-close' when the server stops", async () => {
    const { hooks, channels, closes } = recorded({
      open: (opened) => {
        opened.send(
          { headers: { 'content-type': 'text/event-stream' }, body: 'data: x\n\n' },
          { close: false },
        )
      },
    })
    const server = await servingChannel(hooks)
    const client = await rawClient(server.port)
    client.send(GET)
    await client.until('data: x')
    await server.close({ timeoutMs: Infinity })
    expect([channels[0]?.isOpen, closes]).toEqual([false, ['server-close']])
  })
})

describe('a channel on a WebSocket', () => {
  it('receives text and bytes in order, and stays open after a send', async () => {
    const received: unknown[] = []
    const { hooks } = recorded({
      open: (opened) => void opened.send('welcome'),
      receive: (opened, message) => {
        received.push(message)
        opened.send(typeof message === 'string' ? message.toUpperCase() : new Uint8Array(message))
      },
    })
    const server = await servingChannel(hooks)
    const socket = webSocket(server.port)
    const answers: string[] = []
    socket.on('message', (data: Buffer, isBinary) => answers.push(`${isBinary} ${data.toString('latin1')}`))
    await once(socket, 'open')
    for (const message of ['a', Buffer.from([1]), 'b']) socket.send(message)
    await eventually(() => answers.length === 4)
    expect(received).toEqual(['a', new Uint8Array([1]), 'b'])
    expect(answers).toEqual(['false welcome', 'false A', 'true \u0001', 'false B'])
  })

  it('reads on only when receive is done', async () => {
    const order: string[] = []
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const server = await servingChannel({
      receive: async (_opened, message) => {
        order.push(`begin ${String(message)}`)
        await gates[Number(message)]?.promise
        order.push(`end ${String(message)}`)
      },
    })
    const socket = webSocket(server.port)
    await once(socket, 'open')
    for (const message of ['0', '1', '2']) socket.send(message)
    await eventually(() => order.length === 1)
    gates[1]?.resolve()
    gates[0]?.resolve()
    await eventually(() => order.length === 6)
    expect(order).toEqual(['begin 0', 'end 0', 'begin 1', 'end 1', 'begin 2', 'end 2'])
  })

  it('answers pings, and tells of them', async () => {
    const pings: string[] = []
    const server = await servingChannel({ ping: (_opened, data) => pings.push(Buffer.from(data).toString()) })
    const socket = webSocket(server.port)
    await once(socket, 'open')
    const pong = once(socket, 'pong')
    socket.ping('x')
    expect([String((await pong)[0]), pings]).toEqual(['x', ['x']])
  })

  it('may get its listeners for messages and pings later', async () => {
    const { hooks, channels } = recorded({ receive: () => expect.unreachable() })
    const server = await servingChannel(hooks)
    const socket = webSocket(server.port)
    await once(socket, 'open')
    const heard: string[] = []
    channels[0]?.onReceive((_channel, message) => void heard.push(`message ${String(message)}`))
    channels[0]?.onPing((_channel, data) => void heard.push(`ping ${Buffer.from(data).toString()}`))
    socket.send('a')
    socket.ping('b')
    await eventually(() => heard.length === 2)
    expect(heard).toEqual(['message a', 'ping b'])
    expect(() => channels[0]?.onReceive('x' as never)).toThrow(
      expect.objectContaining({ option: 'listener' }),
    )
  })

  it.each<[number | undefined, ChannelCloseStatus]>([
    [1000, 'normal'],
    [undefined, 'normal'],
    [1001, 'going-away'],
    [1002, 'protocol-error'],
    [1003, 'unsupported'],
    [1007, 'protocol-error'],
    [1009, 'message-too-big'],
    [4000, 'unknown'],
  ])('that the client closes with %s ended as %s', async (code, status) => {
    const { hooks, closes } = recorded()
    const server = await servingChannel(hooks)
    const socket = webSocket(server.port)
    await once(socket, 'open')
    socket.close(code)
    await eventually(() => closes.length === 1)
    expect(closes).toEqual([status])
  })

  it('that breaks ended as unknown', async () => {
    const { hooks, closes } = recorded()
    const server = await servingChannel(hooks)
    const socket = webSocket(server.port)
    await once(socket, 'open')
    socket.terminate()
    await eventually(() => closes.length === 1)
    expect(closes).toEqual(['unknown'])
    await eventually(() => server.requestsInFlight === 0 && server.activeConnections === 0)
  })

  it('closes with 1009 on a message above maxMessageBytes', async () => {
    const { hooks, closes } = recorded()
    const server = await servingChannel(hooks, { maxMessageBytes: 10 })
    const socket = webSocket(server.port)
    await once(socket, 'open')
    const code = closeCode(socket)
    socket.send('x'.repeat(11))
    expect(await code).toBe(1009)
    await eventually(() => closes.length === 1)
    expect(closes).toEqual(['message-too-big'])
  })

  it('closes with 1008 on a message of more than maxFragments, which is too big', async () => {
    const { hooks, closes } = recorded()
    const server = await servingChannel(hooks, { maxFragments: 3 })
    const socket = webSocket(server.port)
    await once(socket, 'open')
    const code = closeCode(socket)
    for (let fragment = 0; fragment < 4; fragment += 1) socket.send('x', { fin: false })
    expect(await code).toBe(1008)
    await eventually(() => closes.length === 1)
    expect(closes).toEqual(['message-too-big'])
  })

  it('is ended when more than maxPendingPongs wait for a client that does not read', async () => {
    const { hooks, closes } = recorded()
    const server = await servingChannel(hooks, { maxPendingPongs: 5 })
    const socket = webSocket(server.port)
    await once(socket, 'open')
    socket.pause()
    const ping = Buffer.alloc(125)
    while (closes.length === 0) {
      for (let count = 0; count < 1000; count += 1) socket.ping(ping)
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
    expect(closes).toEqual(['unknown'])
    await eventually(() => server.activeConnections === 0)
  })

  it('closes with 1002 on a malformed frame', async () => {
    const { hooks, closes } = recorded()
    const server = await servingChannel(hooks)
    const client = await rawClient(server.port)
    client.send(`${HANDSHAKE.join('\r\n')}\r\n\r\n`)
    await client.until('101 Switching')
    client.send(Uint8Array.of(0x7f, 0xff))
    await client.closed
    await eventually(() => closes.length === 1)
    expect(closes).toEqual(['protocol-error'])
  })

  it('close says whether it closed; the client gets 1000', async () => {
    const { hooks, channels, closes } = recorded()
    const server = await servingChannel(hooks)
    const socket = webSocket(server.port)
    await once(socket, 'open')
    const code = closeCode(socket)
    expect([channels[0]?.close(), channels[0]?.close(), channels[0]?.send('x')]).toEqual([true, false, false])
    expect(await code).toBe(1000)
    await eventually(() => closes.length === 1)
    expect(closes).toEqual(['server-close'])
  })

  it('sends last what closes it', async () => {
    const { hooks, channels } = recorded()
    const server = await servingChannel(hooks)
    const socket = webSocket(server.port)
    const messages: string[] = []
    socket.on('message', (data: Buffer) => messages.push(data.toString()))
    const code = closeCode(socket)
    await eventually(() => channels.length === 1)
    channels[0]?.send({ status: 500, body: 'bye' }, { close: true })
    expect([await code, messages]).toEqual([1000, ['bye']])
  })

  it('is closed when more than maxBufferedBytes wait for a slow reader', async () => {
    const { hooks, channels, closes } = recorded()
    const server = await servingChannel(hooks, { maxBufferedBytes: 500_000 })
    const socket = webSocket(server.port)
    await once(socket, 'open')
    socket.pause()
    while (channels[0]?.send('x'.repeat(100_000)) === true) {
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }
    await eventually(() => closes.length === 1)
    expect(closes).toEqual(['server-close'])
    await channels[0]?.ready()
  })

  describe('pings at its interval', () => {
    /** A server whose interval passes when the test says so. */
    async function servingPings(
      hooks: ChannelHooks,
    ): Promise<{ port: number; fire: () => void; timers: ReadonlyMap<number, () => void> }> {
      const timers = new Map<number, () => void>()
      let last = 0
      const { port } = await servingChannel(hooks, {
        pingIntervalMs: 1000,
        runtime: {
          setTimeout: (callback, delayMs) => {
            expect(delayMs).toBe(1000)
            last += 1
            timers.set(last, callback)
            return last
          },
          clearTimeout: (timer) => void timers.delete(timer as number),
        },
      })
      const fire = (): void => {
        const [[timer, callback] = [0, () => {}]] = timers
        timers.delete(timer)
        callback()
      }
      return { port, fire, timers }
    }

    it('and ends one that does not answer', async () => {
      const { hooks, closes } = recorded()
      const { port, fire, timers } = await servingPings(hooks)
      const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { autoPong: false })
      await once(socket, 'open')
      const pinged = once(socket, 'ping')
      fire()
      await pinged
      socket.pong()
      socket.send('x')
      await new Promise((resolve) => {
        setTimeout(resolve, 20)
      })
      const again = once(socket, 'ping')
      fire()
      await again
      expect(closes).toEqual([])
      const closed = once(socket, 'close')
      fire()
      await closed
      await eventually(() => closes.length === 1)
      expect([closes, timers.size]).toEqual([['unknown'], 0])
    })

    it('also while receive is at work, when no pong can be heard; a client that is silent afterwards is ended', async () => {
      const gate = Promise.withResolvers<void>()
      const received: unknown[] = []
      const { hooks, closes } = recorded({
        receive: async (opened, message) => {
          received.push(message)
          await gate.promise
          opened.send('done')
        },
      })
      const { port, fire } = await servingPings(hooks)
      const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { autoPong: false })
      await once(socket, 'open')
      socket.send('x')
      await eventually(() => received.length === 1)
      for (let interval = 0; interval < 5; interval += 1) {
        const pinged = once(socket, 'ping')
        fire()
        await pinged
      }
      expect(closes).toEqual([])
      const done = once(socket, 'message')
      gate.resolve()
      expect(String((await done)[0])).toBe('done')
      const pinged = once(socket, 'ping')
      fire()
      await pinged
      expect(closes).toEqual([])
      fire()
      await eventually(() => closes.length === 1)
      expect(closes).toEqual(['unknown'])
    })
  })

  it.each(['open', 'receive'] as const)(
    'closes with 1011 when %s throws, and the logger hears of it',
    async (name) => {
      const logger = recordingLogger()
      const boom = (): never => {
        throw new Error('boom')
      }
      const server = await serving({ logger, fetch: (request) => channel(request, { [name]: boom }) })
      const socket = webSocket(server.port)
      const code = closeCode(socket)
      socket.once('open', () => {
        socket.send('x')
      })
      expect(await code).toBe(1011)
      expect(logger.records).toContainEqual(
        expect.objectContaining({ event: 'handler-failed', error: new Error('boom') }),
      )
    },
  )

  it('is closed with 1001 when the server stops, which does not wait for it', async () => {
    const { hooks, closes } = recorded()
    const server = await servingChannel(hooks)
    const socket = webSocket(server.port)
    await once(socket, 'open')
    expect([server.requestsInFlight, server.activeConnections]).toEqual([1, 1])
    const code = closeCode(socket)
    expect(await server.close({ timeoutMs: Infinity })).toEqual({ destroyedConnections: 0, call: 'first' })
    expect([await code, closes]).toEqual([1001, ['server-close']])
  })

  it('works over TLS', async () => {
    const { hooks } = recorded({ open: (opened) => void opened.send('secure') })
    const server = await serving({ tls: testOnly, fetch: (request) => channel(request, hooks) })
    const socket = new WebSocket(`wss://localhost:${server.port}/`, { ca: testOnly.cert })
    onTestFinished(() => {
      socket.terminate()
    })
    expect(String((await once(socket, 'message'))[0])).toBe('secure')
  })

  it('compresses if the options say so', async () => {
    const received: unknown[] = []
    const server = await servingChannel(
      { receive: (_opened, message) => void received.push(message) },
      { compression: 'on' },
    )
    const socket = webSocket(server.port)
    await once(socket, 'open')
    expect(socket.extensions).toBe('permessage-deflate')
    socket.send('x'.repeat(5000))
    await eventually(() => received.length === 1)
    expect(received).toEqual(['x'.repeat(5000)])
  })
})

describe('the handshake of a channel', () => {
  const open = (opened: Channel): void => void opened.send('x')

  it('is a response: middlewares see it, refuse it, and add fields', async () => {
    const router = createRouter()
    router.use(cors({ origin: ['https://app.example'] }))
    router.use(
      (next) => (request, context) =>
        request.headers.has('authorization') ? next(request, context) : textResponse('no', { status: 401 }),
    )
    router.useHead(({ headers }) => {
      headers.append('set-cookie', 'a=1')
    })
    router.get('/:room', (request, { params }) =>
      channel(
        request,
        { open: (opened) => void opened.send(params.room) },
        { origin: ['https://app.example'] },
      ),
    )
    const server = await serving({ fetch: router.fetch })
    const send = async (...fields: string[]): Promise<string> => {
      const client = await rawClient(server.port)
      onTestFinished(() => {
        client.destroy()
      })
      const head = [...HANDSHAKE, 'Origin: https://app.example', ...fields, '', '']
        .join('\r\n')
        .replace('GET /', 'GET /lobby')
      client.send(head)
      return client.until(fields.length === 0 ? 'no' : 'lobby')
    }
    expect(await send()).toMatch(/^HTTP\/1\.1 401 [^]*connection: close/i)
    const received = await send('Authorization: x')
    expect(received).toMatch(/^HTTP\/1\.1 101 [^]*access-control-allow-origin: https:\/\/app\.example\r\n/i)
    expect(received).toMatch(/set-cookie: a=1\r\n/)
    // The example of RFC 6455 section 1.3.
    expect(received).toContain('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  })

  it.each<[string, readonly string[], ChannelOptions, number]>([
    ['an invalid key', ['Sec-WebSocket-Key: x'], {}, 400],
    ['another version', ['Sec-WebSocket-Version: 8'], {}, 426],
    ['content', ['Content-Length: 3'], {}, 400],
    ['content in chunks', ['Transfer-Encoding: chunked'], {}, 400],
    ['WebSocket among other protocols', ['Upgrade: h2c, WebSocket'], {}, 101],
    ['protocols that are no tokens', ['Sec-WebSocket-Protocol: a b'], {}, 400],
    ['the same protocol twice', ['Sec-WebSocket-Protocol: a, a'], {}, 400],
    [
      'no protocol that is spoken',
      ['Sec-WebSocket-Protocol: b'],
      { protocols: ['a'], protocol: 'required' },
      400,
    ],
    ['a page of another origin', ['Origin: https://evil.example'], {}, 403],
    [
      'a page of an origin that is not listed',
      ['Origin: https://b.example'],
      { origin: ['https://a.example'] },
      403,
    ],
    ['a page of its own origin', ['Origin: http://a.example'], {}, 101],
    ['any page, where all may', ['Origin: https://b.example'], { origin: '*' }, 101],
    [
      'a page that a function lets in',
      ['Origin: https://b.example'],
      { origin: (origin) => origin?.endsWith('b.example') === true },
      101,
    ],
    ['a client without an Origin, by default', [], {}, 101],
    ['a client without an Origin, where others are listed', [], { origin: ['https://a.example'] }, 101],
    [
      'a client without an Origin that a function lets in',
      [],
      { origin: (origin) => origin === undefined },
      101,
    ],
    [
      'a client without an Origin that a function refuses',
      [],
      { origin: (origin) => origin !== undefined },
      403,
    ],
  ])('%s', async (_name, fields, options, status) => {
    const failures: string[] = []
    const server = await servingChannel(
      { open, handshakeFailed: (error) => void failures.push(error.code) },
      options,
    )
    const names = new Set(fields.map((field) => field.split(':')[0]))
    const head = [...HANDSHAKE.filter((field) => !names.has(field.split(':')[0])), ...fields, '', '']
    const client = await rawClient(server.port)
    onTestFinished(() => {
      client.destroy()
    })
    client.send(head.join('\r\n'))
    expect(Number((await client.until('\r\n\r\n')).slice(9, 12))).toBe(status)
    // With content, it does not come to the handler where Node does not ask before it lets go of the connection.
    const isLost = !asksBeforeUpgrades && fields.some((field) => /^(?:content|transfer)/i.test(field))
    const code = status === 400 ? 'invalid-handshake' : 'http-error'
    expect(failures).toEqual(status === 101 || isLost ? [] : [code])
  })

  it('that failed is answered as the application likes', async () => {
    const server = await servingChannel({
      handshakeFailed: ({ message }) => textResponse(message, { status: 418 }),
    })
    const client = await rawClient(server.port)
    client.send(`${HANDSHAKE.join('\r\n').replace('dGhlIHNhbXBsZSBub25jZQ==', 'x')}\r\n\r\n`)
    expect(await client.closed).toMatch(/^HTTP\/1\.1 418 [^]*Sec-WebSocket-Key is not 16 bytes in base64$/)
  })

  it('can be checked and answered by hand', () => {
    const request = new Request('http://a.example/', {
      headers: {
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-protocol': 'b, a',
      },
    })
    expect(isWebSocketHandshake(request)).toBe(true)
    expect(isWebSocketHandshake(new Request('http://a.example/', { headers: { upgrade: 'h2c' } }))).toBe(
      false,
    )
    expect(checkHandshake(request, { protocols: ['a'] })).toBe('a')
    expect(() => checkHandshake(new Request('http://a.example/', { method: 'POST' }))).toThrow(
      'method is not GET',
    )
    // RFC 6455 section 1.3
    expect(webSocketAccept('dGhlIHNhbXBsZSBub25jZQ==')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  })

  it('chooses the first protocol of the client that is spoken', async () => {
    const { hooks, channels } = recorded()
    const server = await servingChannel(hooks, { protocols: ['b', 'a'] })
    const socket = webSocket(server.port, ['c', 'a', 'b'])
    await once(socket, 'open')
    expect([socket.protocol, channels[0]?.protocol]).toEqual(['a', 'a'])
  })

  it("answers 426 to others where it accepts 'websocket' alone, and is a GET like any other for 'http'", async () => {
    const required = await servingChannel({ open }, { accepts: 'websocket' })
    const response = await rawExchange(
      required.port,
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    )
    expect(response).toMatch(/^HTTP\/1\.1 426 /)
    const client = await rawClient(required.port)
    client.send(GET)
    expect(await client.until('\r\n\r\n')).toMatch(/upgrade: websocket\r\nconnection: upgrade, close\r\n/i)
    client.destroy()
    const plain = await servingChannel({ open }, { accepts: 'http' })
    expect(await rawExchange(plain.port, `${HANDSHAKE.join('\r\n')}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 200 [^]*x$/,
    )
  })

  it('is counted and logged as 101, and as 426 if there is no upgrade', async () => {
    const told: (readonly [string, number])[] = []
    const router = createRouter()
    router.use(accessLog({ logger: { info: ({ status }) => told.push(['log', status]) } }))
    router.useHead(({ status }) => void told.push(['head', status]))
    router.get('/', (request) => channel(request, {}, { accepts: 'any' }))
    const server = await serving({ fetch: router.fetch })
    const client = await rawClient(server.port)
    client.send(`${HANDSHAKE.join('\r\n')}\r\n\r\n`)
    await client.until('101')
    client.destroy()
    const old = HANDSHAKE.join('\r\n').replace('HTTP/1.1', 'HTTP/1.0')
    expect(await rawExchange(server.port, `${old}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 426 /)
    expect(told).toEqual([
      ['log', 101],
      ['head', 101],
      ['log', 426],
      ['head', 426],
    ])
  })

  it.each(['echo.v1', 'ECHO.V1, websocket'])(
    'may be of any protocol in upgradeProtocols: %s',
    async (field) => {
      const upgrade: ConnectionUpgrade = {
        take: ({ socket, head }) => {
          socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo.v1\r\n\r\n')
          socket.write(head)
          socket.pipe(socket)
          return { end: () => socket.end() }
        },
      }
      const server = await serving({
        upgradeProtocols: ['Echo.v1'],
        fetch: () =>
          Object.defineProperty(new Response(null, { status: 426 }), connectionUpgradeSymbol, {
            value: upgrade,
          }),
      })
      const client = await rawClient(server.port)
      client.send(`GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: ${field}\r\n\r\nhel`)
      await client.until(/101 [^]*\r\n\r\nhel$/)
      client.send('lo')
      expect(await client.until(/\r\n\r\nhello$/)).toMatch(/^HTTP\/1\.1 101 /)
      client.destroy()
      await eventually(() => server.requestsInFlight === 0)
    },
  )

  it('of another protocol than WebSocket is a request like any other', async () => {
    const server = await servingChannel({ open })
    const client = await rawClient(server.port)
    const head =
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n\r\n'
    client.send(head)
    expect(await client.until(/\r\n\r\nx$/)).toMatch(/^HTTP\/1\.1 200 /)
    client.destroy()
  })

  it('is refused with the limits of any request', async () => {
    const server = await serving({ fetch: (request) => channel(request, { open }), maxRequestsInFlight: 1 })
    const first = webSocket(server.port)
    await once(first, 'open')
    const client = await rawClient(server.port)
    client.send(`${HANDSHAKE.join('\r\n')}\r\n\r\n`)
    expect(await client.closed).toMatch(/^HTTP\/1\.1 503 [^]*retry-after: 1/i)
  })

  it('takes what the client sends behind it in the same packet', async () => {
    const received: unknown[] = []
    const server = await servingChannel({ receive: (_opened, message) => void received.push(message) })
    const client = await rawClient(server.port)
    const frame = Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x78])
    client.send(Buffer.concat([Buffer.from(`${HANDSHAKE.join('\r\n')}\r\n\r\n`), frame]))
    await eventually(() => received.length === 1)
    expect(received).toEqual(['x'])
    client.destroy()
  })

  it.each(['answered at once', 'answered later', 'streamed'])(
    'cannot have the connection while a request before it is %s',
    async (how) => {
      const later = Promise.withResolvers<Response>()
      const chunks = Array.from({ length: 100 }, () => new Uint8Array(40_000))
      const server = await serving({
        fetch: (request) => {
          if (new URL(request.url).pathname === '/') return channel(request, { open })
          if (how === 'answered later') return later.promise
          return how === 'streamed' ? new Response(ReadableStream.from(chunks)) : textResponse('first')
        },
      })
      const client = await rawClient(server.port)
      client.send(`${GET.replace('/ ', '/first ')}${HANDSHAKE.join('\r\n')}\r\n\r\n`)
      if (how === 'answered later') await eventually(() => server.requestsInFlight > 0)
      later.resolve(textResponse('first'))
      const received = await client.closed
      expect(received).not.toContain('101 Switching')
      expect(server.status).toBe('running')
      // Where Node does not ask, it lets go of the connection.
      if (asksBeforeUpgrades)
        expect(received).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*HTTP\/1.1 426 Upgrade Required/)
    },
  )

  it('goes away with its client before the handler answers', async () => {
    const answer = Promise.withResolvers<void>()
    const server = await serving({
      fetch: async (request) => {
        await answer.promise
        return channel(request, { open })
      },
    })
    const client = await rawClient(server.port)
    client.send(`${HANDSHAKE.join('\r\n')}\r\n\r\n`)
    await eventually(() => server.requestsInFlight === 1)
    client.socket.resetAndDestroy()
    await eventually(() => server.activeConnections === 0)
    answer.resolve()
    await eventually(() => server.requestsInFlight === 0)
    expect(server.status).toBe('running')
  })

  it.each([
    [{ accepts: 'all' }, 'accepts'],
    [{ protocols: ['a b'] }, 'protocols'],
    [{ protocol: 'maybe' }, 'protocol'],
    [{ origin: ['https://a.example/'] }, 'origin'],
    [{ compression: 'gzip' }, 'compression'],
    [{ maxMessageBytes: 0 }, 'maxMessageBytes'],
    [{ maxBufferedBytes: -1 }, 'maxBufferedBytes'],
    [{ pingIntervalMs: 2 ** 31 }, 'pingIntervalMs'],
  ])('refuses the options %j', async (options, option) => {
    const attempt = channel(new Request('http://a.example/'), {}, options as ChannelOptions)
    await expect(attempt).rejects.toMatchObject({ code: 'invalid-option', option })
  })
})

it('a server whose handlers offer no WebSocket answers a handshake as any other request', async () => {
  const server = createServer({ fetch: () => textResponse('x'), port: 0 })
  await server.listen()
  expect(await rawExchange(server.port ?? 0, `${HANDSHAKE.join('\r\n')}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 200 /)
  await server.close()
})

describe('another protocol', () => {
  const carrying = (take: ConnectionUpgrade['take']): Response =>
    Object.defineProperty(new Response(null, { status: 426 }), connectionUpgradeSymbol, { value: { take } })

  it('may take the connection by the same contract', async () => {
    const server = await serving({
      fetch: () =>
        carrying(({ socket, fields }) => {
          socket.end(`HTTP/1.1 101 Switching Protocols\r\n\r\nhello ${fields.length}`)
          return { end() {} }
        }),
    })
    expect(await rawExchange(server.port, `${HANDSHAKE.join('\r\n')}\r\n\r\n`)).toMatch(
      /^HTTP\/1\.1 101 [^]*hello 0$/,
    )
    await eventually(() => server.requestsInFlight === 0)
  })

  it('that fails to ends with the connection, and the logger gets the failure', async () => {
    const logger = recordingLogger()
    const server = await serving({
      logger,
      fetch: () =>
        carrying(() => {
          throw new Error('boom')
        }),
    })
    expect(await rawExchange(server.port, `${HANDSHAKE.join('\r\n')}\r\n\r\n`)).toBe('')
    await eventually(() => server.requestsInFlight === 0)
    expect(logger.records.map(({ event }) => event)).toContain('handler-failed')
  })
})
