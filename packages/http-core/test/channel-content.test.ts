import { once } from 'node:events'
import { openAsBlob } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { channel } from '../src/node/web-socket/index.ts'
import type {
  Channel,
  ChannelCloseStatus,
  ChannelContent,
  ChannelMessage,
  ChannelOptions,
} from '../src/node/web-socket/index.ts'
import { rawClient } from './raw-client.ts'
import { eventually, recordingLogger, serving, turns } from './serving.ts'

const GET = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n'

/** Channels of clients that connect, as they open. */
async function servingChannels(options?: ChannelOptions): Promise<{
  readonly port: number
  readonly url: string
  readonly channels: Channel[]
  readonly closes: ChannelCloseStatus[]
  readonly records: ReturnType<typeof recordingLogger>['records']
}> {
  const channels: Channel[] = []
  const closes: ChannelCloseStatus[] = []
  const logger = recordingLogger()
  const { port, url } = await serving({
    logger,
    fetch: (request) =>
      channel(
        request,
        {
          open: (opened) => void channels.push(opened),
          close: (_closed, status) => void closes.push(status),
        },
        options,
      ),
  })
  return { port, url, channels, closes, records: logger.records }
}

interface Received {
  readonly text: string
  readonly isBinary: boolean
}

async function webSocket(port: number): Promise<WebSocket & { readonly messages: Received[] }> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`)
  const messages: Received[] = []
  socket.on('error', () => {})
  socket.on('message', (data: Buffer, isBinary: boolean) =>
    messages.push({ text: data.toString(), isBinary }),
  )
  onTestFinished(() => {
    socket.terminate()
  })
  await once(socket, 'open')
  return Object.assign(socket, { messages })
}

const bytes = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(Buffer.from(text))

async function* slowly<T>(...pieces: T[]): AsyncGenerator<T> {
  for (const piece of pieces) {
    await turns(2)
    yield piece
  }
}

/** Everything that gives `abcdef`, and whether a WebSocket makes a text message of it. */
const contents: readonly (readonly [string, () => ChannelContent | Promise<ChannelContent>, boolean])[] = [
  ['text', () => 'abcdef', true],
  ['bytes', () => bytes('abcdef'), false],
  ['an ArrayBuffer', () => bytes('abcdef').buffer, false],
  ['a DataView', () => new DataView(bytes('xabcdefx').buffer, 1, 6), false],
  ['a Blob', () => new Blob(['abc', 'def']), false],
  [
    'a file',
    async () => {
      const directory = await mkdtemp(join(tmpdir(), 'http-core-'))
      onTestFinished(() => rm(directory, { recursive: true }))
      const path = join(directory, 'a.txt')
      await writeFile(path, 'abcdef')
      return openAsBlob(path)
    },
    false,
  ],
  ['a web stream', () => new Blob(['abcdef']).stream() as ReadableStream<Uint8Array<ArrayBuffer>>, false],
  ['an iterable of bytes', () => slowly(bytes('ab'), bytes(''), bytes('cdef')), false],
  ['an iterable of text', () => slowly('ab', 'cdef'), true],
  ["a stream of Node's", () => Readable.from([bytes('abc'), bytes('def')]), false],
]

describe('what is sent on a channel', () => {
  it.each(contents)(
    'may be %s: whole, on an open response, and on a WebSocket',
    async (_name, make, isText) => {
      const { port, url, channels } = await servingChannels()

      const whole = fetch(url)
      await eventually(() => channels.length === 1)
      expect(channels[0]?.send({ status: 201, headers: { 'x-a': '1' }, body: await make() })).toBe(true)
      expect(channels[0]?.isOpen).toBe(false)
      const response = await whole
      expect([response.status, response.headers.get('x-a'), await response.text()]).toEqual([
        201,
        '1',
        'abcdef',
      ])

      const open = fetch(url)
      await eventually(() => channels.length === 2)
      expect(channels[1]?.send(await make(), { close: false })).toBe(true)
      expect(channels[1]?.send('-', { close: false })).toBe(true)
      expect(channels[1]?.send(await make(), { close: false })).toBe(true)
      expect(channels[1]?.send(bytes('.'))).toBe(true)
      expect(await (await open).text()).toBe('abcdef-abcdef.')

      const socket = await webSocket(port)
      await eventually(() => channels.length === 3)
      expect(channels[2]?.send(await make())).toBe(true)
      expect(channels[2]?.send('-')).toBe(true)
      expect(channels[2]?.send({ status: 500, body: await make() }, { close: true })).toBe(true)
      expect(channels[2]?.send('late')).toBe(false)
      const [code] = (await once(socket, 'close')) as [number]
      expect(code).toBe(1000)
      const message = { text: 'abcdef', isBinary: !isText }
      expect(socket.messages).toEqual([message, { text: '-', isBinary: false }, message])
    },
  )

  it('says the length and the type of a Blob that is the whole response', async () => {
    const { port, channels } = await servingChannels()
    const client = await rawClient(port)
    client.send(GET)
    await eventually(() => channels.length === 1)
    channels[0]?.send(new Blob(['abc'], { type: 'text/csv' }))
    const received = await client.until(/abc$/)
    expect(received).toMatch(/content-length: 3\r\n/i)
    expect(received).toMatch(/content-type: text\/csv\r\n/i)
  })

  it('may be large: it is read at the pace of the client, and ready() waits for it', async () => {
    const { port, channels } = await servingChannels()
    let given = 0
    const source = async function* (): AsyncGenerator<Uint8Array<ArrayBuffer>> {
      for (; given < 400; given += 1) yield new Uint8Array(65_536)
    }
    const client = await rawClient(port)
    client.socket.pause()
    client.send(GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
    await eventually(() => channels.length === 1)
    channels[0]?.send(source(), { close: false })
    let isReady = false
    const ready = async (): Promise<void> => {
      await channels[0]?.ready()
      isReady = true
    }
    const readiness = ready()
    let before = -1
    while (before !== given) {
      before = given
      await turns(50)
    }
    expect([given < 200, isReady]).toEqual([true, false])
    expect(channels[0]?.bufferedBytes).toBeLessThan(1_000_000)
    channels[0]?.close()
    client.socket.resume()
    expect((await client.closed).endsWith('\r\n0\r\n\r\n')).toBe(true)
    await readiness
    expect([given, isReady]).toEqual([400, true])
  })

  it('waits for its turn, and counts as buffered meanwhile', async () => {
    const { url, channels, closes } = await servingChannels({ maxBufferedBytes: 1000 })
    const answer = fetch(url)
    await eventually(() => channels.length === 1)
    const [opened] = channels
    opened?.send(new ReadableStream(), { close: false })
    const response = await answer
    expect(opened?.send('x'.repeat(600), { close: false })).toBe(true)
    expect(opened?.bufferedBytes).toBe(600)
    expect(opened?.send('x'.repeat(600), { close: false })).toBe(false)
    expect(closes).toEqual(['server-close'])
    await expect(response.text()).rejects.toThrow()
  })

  it.each(['http', 'websocket'])('is cancelled when its client leaves (%s)', async (kind) => {
    const { port, channels, closes } = await servingChannels()
    const client = await rawClient(port)
    const upgrade =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
    client.send(kind === 'http' ? GET : `GET / HTTP/1.1\r\nHost: a.example\r\n${upgrade}\r\n`)
    await eventually(() => channels.length === 1)
    const cancelled: string[] = []
    const endless = (name: string): ReadableStream<Uint8Array<ArrayBuffer>> =>
      new ReadableStream({
        cancel: () => {
          cancelled.push(name)
        },
      })
    channels[0]?.send(endless('first'), { close: false })
    channels[0]?.send(endless('second'), { close: false })
    channels[0]?.close()
    expect(closes).toEqual([])
    client.destroy()
    await eventually(() => closes.length === 1)
    expect(closes).toEqual([kind === 'http' ? 'client-close' : 'unknown'])
    await eventually(() => cancelled.length === 2)
    expect(cancelled).toEqual(['first', 'second'])
    channels[0]?.send(endless('third'))
    await eventually(() => cancelled.length === 3)
  })

  it('breaks the channel off if it fails: the client cannot take the part for the whole', async () => {
    const failing = async function* (): AsyncGenerator<string> {
      yield 'a part'
      await turns(1)
      throw new Error('disk gone')
    }
    const { port, url, channels, closes, records } = await servingChannels()
    const answer = fetch(url).then((response) => response.text())
    await eventually(() => channels.length === 1)
    channels[0]?.send(failing())
    await expect(answer).rejects.toThrow()
    const socket = await webSocket(port)
    await eventually(() => channels.length === 2)
    channels[1]?.send('before')
    channels[1]?.send(failing())
    channels[1]?.send('after')
    const [code] = (await once(socket, 'close')) as [number]
    expect([code, socket.messages.map(({ text }) => text)]).toEqual([1011, ['before']])
    await eventually(() => closes.length === 2)
    expect(closes).toEqual(['server-close', 'server-close'])
    expect(records.map(({ error }) => (error as Error | undefined)?.message).filter(Boolean)).toEqual([
      'disk gone',
      'disk gone',
    ])
  })

  it('ends with 1001 when the server stops, whatever is still being read', async () => {
    const channels: Channel[] = []
    const server = await serving({
      fetch: (request) => channel(request, { open: (opened) => void channels.push(opened) }),
    })
    const socket = await webSocket(server.port)
    await eventually(() => channels.length === 1)
    channels[0]?.send(new ReadableStream())
    channels[0]?.close()
    const closed = once(socket, 'close') as Promise<[number]>
    await server.close({ timeoutMs: Infinity })
    expect((await closed)[0]).toBe(1001)
  })

  it.each<[string, unknown]>([
    ['an object that should be JSON', { event: 'x' }],
    ['a body that should be', { body: { event: 'x' } }],
    ['a number', 42],
    ['nothing', undefined],
    ['null', null],
    ['a list', ['a']],
    ['a form', new URLSearchParams('a=b')],
    ['a Response', new Response('x')],
    ['a Map', new Map()],
    ['a promise', { body: Promise.resolve('x') }],
  ])('is refused if it is %s, and nothing is lost', async (_name, message) => {
    const { port, url, channels } = await servingChannels()
    const answer = fetch(url)
    await eventually(() => channels.length === 1)
    expect(() => channels[0]?.send(message as ChannelMessage)).toThrow(TypeError)
    expect(channels[0]?.send('right')).toBe(true)
    expect(await (await answer).text()).toBe('right')
    const socket = await webSocket(port)
    await eventually(() => channels.length === 2)
    expect(() => channels[1]?.send(message as ChannelMessage)).toThrow(
      /^message(\.body)?: expected text, bytes/,
    )
    channels[1]?.send('right', { close: true })
    await once(socket, 'close')
    expect(socket.messages).toEqual([{ text: 'right', isBinary: false }])
  })

  it('is refused with a head that comes too late, and with content that its status cannot have', async () => {
    const { url, channels } = await servingChannels()
    const answer = fetch(url)
    await eventually(() => channels.length === 1)
    const [opened] = channels
    let pulls = 0
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        pull: (controller) => {
          pulls += 1
          controller.close()
        },
      },
      { highWaterMark: 0 },
    )
    expect(() => opened?.send({ status: 204, body }, { close: false })).toThrow(TypeError)
    expect(() => opened?.send({ status: 204, body: 'x' })).toThrow(TypeError)
    expect(opened?.send('a', { close: false })).toBe(true)
    expect(() => opened?.send({ status: 201, body }, { close: false })).toThrow(
      expect.objectContaining({ code: 'head-sent' }),
    )
    expect(() => opened?.send({ headers: {}, body: 'b' })).toThrow(
      expect.objectContaining({ code: 'head-sent' }),
    )
    expect([opened?.isOpen, pulls]).toEqual([true, 0])
    expect(opened?.send({ body: 'c' })).toBe(true)
    expect(await (await answer).text()).toBe('ac')
  })
})
