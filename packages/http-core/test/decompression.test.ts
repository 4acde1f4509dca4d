import { Buffer } from 'node:buffer'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { cors, createRouter, textResponse } from '../src/index.ts'
import type { Router } from '../src/index.ts'
import { decompression } from '../src/node/compression/index.ts'
import type { ContentCoding, DecompressionOptions } from '../src/node/compression/index.ts'
import { readMultipart } from '../src/node/multipart/index.ts'
import { rawClient, statuses } from './raw-client.ts'
import { serving, turns } from './serving.ts'

const compress: Readonly<Record<ContentCoding, (content: Uint8Array) => Buffer>> = {
  br: (content) => brotliCompressSync(content),
  zstd: (content) => zstdCompressSync(content),
  gzip: (content) => gzipSync(content),
  deflate: (content) => deflateSync(content),
}
const codings = Object.keys(compress) as ContentCoding[]
const text = 'An event stream that survives. '.repeat(100)

const echoing = (options?: DecompressionOptions, maxBodyBytes?: number): Router => {
  const router = createRouter()
  router.use(decompression(options), { stage: 'encoding' })
  router.post(
    '/',
    async (request) => {
      const { headers } = request
      return textResponse(await request.text(), {
        headers: { had: `${headers.get('content-encoding')} ${headers.get('content-length')}` },
      })
    },
    maxBodyBytes === undefined ? {} : { maxBodyBytes },
  )
  return router
}

/** Posts the content, whole or in pieces, and gives the answer's status and what follows its head. */
async function post(
  port: number,
  fields: string,
  content: Uint8Array,
  piece: number = content.length,
): Promise<{ readonly status: number | undefined; readonly received: string }> {
  const client = await rawClient(port)
  client.socket.setNoDelay(true)
  client.send(
    `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${content.length}\r\n${fields}\r\n`,
  )
  for (let at = 0; at < content.length && !client.socket.destroyed; at += piece) {
    client.send(content.subarray(at, at + piece))
    await turns(1)
  }
  const received = await client.closed
  return { status: statuses(received)[0], received }
}

describe('decompression', () => {
  it.each(codings)('gives the handler the content of %s, whole and byte by byte', async (coding) => {
    const server = await serving({ fetch: echoing().fetch })
    for (const piece of [undefined, 1]) {
      const content = compress[coding](Buffer.from(text))
      const { received } = await post(server.port, `Content-Encoding: ${coding}\r\n`, content, piece)
      expect(received.split('\r\n\r\n')[1]).toBe(text)
      expect(received).toContain('had: null null')
    }
  })

  it.each(['light', 'native'] as const)(
    'works with %s requests, also for JSON and forms',
    async (requests) => {
      const router = createRouter()
      router.use(decompression(), { stage: 'encoding' })
      router.post('/json', async (request) => textResponse(JSON.stringify(await request.json())))
      router.post('/form', async (request) => {
        const names: string[] = []
        for await (const part of readMultipart(request)) names.push(part.name)
        return textResponse(names.join())
      })
      const server = await serving({ fetch: router.fetch, requests })
      const headers = { 'content-encoding': 'gzip' }
      const json = (body: string): Promise<Response> =>
        fetch(`${server.url}/json`, { method: 'POST', headers, body: gzipSync(body) })
      expect(await (await json('{"a":1}')).text()).toBe('{"a":1}')
      expect((await json('{"a":')).status).toBe(400)
      const form = '--x\r\nContent-Disposition: form-data; name="n"\r\n\r\nv\r\n--x--\r\n'
      const answer = await fetch(`${server.url}/form`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'multipart/form-data; boundary=x' },
        body: gzipSync(form),
      })
      expect(await answer.text()).toBe('n')
    },
  )

  it.each(codings)('answers 413 to a bomb of %s as soon as the limit is passed', async (coding) => {
    const server = await serving({ fetch: echoing().fetch })
    const bomb = compress[coding](Buffer.alloc(30_000_000))
    const before = process.memoryUsage().arrayBuffers
    const { status } = await post(server.port, `Content-Encoding: ${coding}\r\n`, bomb)
    expect(status).toBe(413)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000)
  })

  it('has the limit of the route, or one of its own; the content as it is sent has the first', async () => {
    const post413 = async (router: Router, content: Uint8Array): Promise<number | undefined> =>
      (await post((await serving({ fetch: router.fetch })).port, 'Content-Encoding: gzip\r\n', content))
        .status
    const hundred = gzipSync('x'.repeat(100))
    expect(await post413(echoing({}, 100), hundred)).toBe(200)
    expect(await post413(echoing({}, 99), hundred)).toBe(413)
    expect(await post413(echoing({ maxDecompressedBytes: 99 }), hundred)).toBe(413)
    expect(await post413(echoing({ maxDecompressedBytes: 100 }, hundred.length), hundred)).toBe(200)
    expect(await post413(echoing({ maxDecompressedBytes: 100 }, hundred.length - 1), hundred)).toBe(413)
  })

  it('undoes several codings, last first, and knows the other names', async () => {
    const server = await serving({ fetch: echoing().fetch })
    const twice = compress.br(compress.gzip(Buffer.from(text)))
    for (const field of ['gzip, br', 'X-GZIP ,\tBR', 'identity, gzip,, br', 'gzip\r\nContent-Encoding: br']) {
      const { received } = await post(server.port, `Content-Encoding: ${field}\r\n`, twice)
      expect(received.split('\r\n\r\n')[1]).toBe(text)
    }
  })

  it.each(['compress', 'gzip, aes128gcm', 'gzip;q=1', 'gzip, gzip, gzip', '__proto__'])(
    'answers 415 to the coding %s, and says what it takes',
    async (field) => {
      const server = await serving({ fetch: echoing({ codings: ['gzip'] }).fetch })
      const { status, received } = await post(server.port, `Content-Encoding: ${field}\r\n`, Buffer.from('x'))
      expect(status).toBe(415)
      expect(received).toMatch(/accept-encoding: gzip\r\n/i)
    },
  )

  it('refuses inside the middlewares, so that a page of another origin sees why', async () => {
    const router = echoing()
    router.use(cors())
    const server = await serving({ fetch: router.fetch })
    for (const [coding, expected] of [
      ['compress', 415],
      ['gzip', 400],
    ] as const) {
      const { status, received } = await post(
        server.port,
        `Origin: https://app.example\r\nContent-Encoding: ${coding}\r\n`,
        Buffer.from('x'),
      )
      expect(status).toBe(expected)
      expect(received).toMatch(/access-control-allow-origin: \*\r\n/i)
    }
  })

  describe.each(codings)('answers 400 to %s', (coding) => {
    const whole = compress[coding](Buffer.from(text))
    it.each([
      ['that is something else', Buffer.from('not compressed at all')],
      ['that is cut short', whole.subarray(0, -1)],
      ['that is cut short in its head', whole.subarray(0, 3)],
      ['with something behind its end', Buffer.concat([whole, Buffer.from('garbage')])],
    ])('%s, whole and byte by byte', async (_name, content) => {
      const server = await serving({ fetch: echoing().fetch })
      for (const piece of [content.length, 1]) {
        const { status } = await post(server.port, `Content-Encoding: ${coding}\r\n`, content, piece)
        expect(status).toBe(400)
      }
    })
  })

  it.each(codings)(
    'takes content that is there twice only where the coding allows it: %s',
    async (coding) => {
      // RFC 1952 section 2.2: gzip may consist of several members.
      const status = coding === 'gzip' ? 200 : 400
      const whole = compress[coding](Buffer.from(text))
      const server = await serving({ fetch: echoing().fetch })
      for (const piece of [whole.length * 2, whole.length, 1])
        expect(
          (await post(server.port, `Content-Encoding: ${coding}\r\n`, Buffer.concat([whole, whole]), piece))
            .status,
        ).toBe(status)
    },
  )

  it('answers 400 to zstd that is cut anywhere: some releases of Node take a part for the whole', async () => {
    const whole = compress.zstd(Buffer.from('An event stream that survives.'))
    const server = await serving({ fetch: echoing().fetch })
    for (let length = 1; length < whole.length; length += 1) {
      const { status } = await post(server.port, 'Content-Encoding: zstd\r\n', whole.subarray(0, length))
      expect([length, status]).toEqual([length, 400])
    }
    expect((await post(server.port, 'Content-Encoding: zstd\r\n', whole)).status).toBe(200)
  })

  it('reads nothing before the handler does: 100 Continue waits for it', async () => {
    const router = createRouter()
    router.use(decompression(), { stage: 'encoding' })
    let go = (): void => {}
    const wanted = new Promise<void>((resolve) => {
      go = resolve
    })
    router.post('/', async (request) => {
      await wanted
      return textResponse(`{${await request.text()}}`)
    })
    const server = await serving({ fetch: router.fetch })
    const content = gzipSync('abc')
    const client = await rawClient(server.port)
    client.send(
      `POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Encoding: gzip\r\nExpect: 100-continue\r\nContent-Length: ${content.length}\r\n\r\n`,
    )
    await turns(20)
    expect(client.received).toBe('')
    go()
    await client.until('100 Continue')
    client.send(content)
    expect(await client.closed).toContain('{abc}')
  })

  it('leaves content without a coding, and requests without content, as they are', async () => {
    const server = await serving({ fetch: echoing().fetch })
    expect((await post(server.port, '', Buffer.from('plain'))).received).toContain('\r\n\r\nplain')
    expect((await post(server.port, 'Content-Encoding: gzip\r\n', Buffer.alloc(0))).status).toBe(200)
    const client = await rawClient(server.port)
    client.send(
      'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    )
    expect(statuses(await client.closed)).toEqual([200])
  })

  it('stops reading from the client when the handler stops reading', async () => {
    const router = createRouter()
    router.use(decompression({ maxDecompressedBytes: Infinity }), { stage: 'encoding' })
    router.post('/', async (request) => {
      for await (const chunk of request.body ?? []) return textResponse(`${chunk.length > 0}`)
      return textResponse('nothing')
    })
    const server = await serving({ fetch: router.fetch })
    const { received } = await post(
      server.port,
      'Content-Encoding: gzip\r\n',
      compress.gzip(Buffer.alloc(1_000_000)),
    )
    expect(received).toContain('\r\n\r\ntrue')
  })

  it('names the option that is mistaken', () => {
    expect(() => decompression({ codings: ['lzma' as never] })).toThrow('codings: expected')
    expect(() => decompression({ maxDecompressedBytes: -1 })).toThrow('maxDecompressedBytes: expected')
  })
})
