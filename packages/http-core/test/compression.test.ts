import { once } from 'node:events'
import type { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  brotliDecompressSync,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
  gunzipSync,
  inflateSync,
  zstdDecompressSync,
} from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { byteSourceSymbol, createRouter, textResponse, writerResponse } from '../src/index.ts'
import type { Handler } from '../src/index.ts'
import { compression } from '../src/node/compression/compression.ts'
import type { CompressionOptions, ContentCoding } from '../src/node/compression/compression.ts'
import { eventually, serving } from './serving.ts'

const LONG = 'hello '.repeat(1000)
const DECODERS: Readonly<Record<ContentCoding, (bytes: Uint8Array) => Buffer>> = {
  br: brotliDecompressSync,
  gzip: gunzipSync,
  deflate: inflateSync,
  zstd: zstdDecompressSync,
}

const STREAMING_DECODERS: Readonly<Record<ContentCoding, () => Transform>> = {
  br: createBrotliDecompress,
  gzip: createGunzip,
  deflate: createInflate,
  zstd: createZstdDecompress,
}

async function answer(
  handler: Handler,
  accept: string | undefined,
  options: CompressionOptions = {},
  init: RequestInit = {},
): Promise<Response> {
  const router = createRouter()
  router.use(compression(options), { stage: 'encoding' })
  router.all('/', handler)
  const headers = accept === undefined ? {} : { 'accept-encoding': accept }
  return router.fetch(new Request('http://a.example/', { ...init, headers }))
}

const long: Handler = () => textResponse(LONG)

describe('compression', () => {
  it.each(['br', 'gzip', 'deflate', 'zstd'] as const)('sends %s to who accepts it', async (coding) => {
    const response = await answer(long, coding)
    expect(response.headers.get('content-encoding')).toBe(coding)
    expect(response.headers.get('vary')).toBe('Accept-Encoding')
    const bytes = new Uint8Array(await response.arrayBuffer())
    expect(bytes.length).toBeLessThan(LONG.length / 10)
    expect(DECODERS[coding](bytes).toString()).toBe(LONG)
  })

  it.each<[string | undefined, string | null]>([
    ['gzip;q=0.5, br;q=0.1', 'gzip'],
    ['gzip, br', 'br'],
    ['*', 'br'],
    ['br;q=0, *;q=0.5', 'zstd'],
    ['identity', null],
    ['identity;q=1, gzip;q=0.5', null],
    ['compress', null],
    ['', null],
    [undefined, null],
  ])('Accept-Encoding: %s is answered with %s', async (accept, coding) => {
    const response = await answer(long, accept)
    expect(response.headers.get('content-encoding')).toBe(coding)
    expect(response.headers.get('vary')).toBe('Accept-Encoding')
  })

  it.each<[string, Handler]>([
    ['short content', () => textResponse('short')],
    ['short content of a known length', () => new Response('short', { headers: { 'content-length': '5' } })],
    ['what has a coding', () => textResponse(LONG, { headers: { 'content-encoding': 'gzip' } })],
    ['no-transform', () => textResponse(LONG, { headers: { 'cache-control': 'no-cache, no-transform' } })],
    ['an image', () => textResponse(LONG, { headers: { 'content-type': 'image/png' } })],
    ['a part', () => textResponse(LONG, { status: 206 })],
    ['nothing', () => new Response(null, { status: 204 })],
    ['an event stream', () => textResponse(LONG, { headers: { 'content-type': 'text/event-stream' } })],
  ])('leaves %s as it is', async (_name, handler) => {
    const given = await handler(new Request('http://a.example/'), {} as never)
    const response = await answer(handler, 'gzip')
    expect(response.headers.get('content-encoding')).toBe(given.headers.get('content-encoding'))
    expect(response.headers.has('vary')).toBe(false)
  })

  it('makes a strong ETag weak, and drops length and ranges', async () => {
    const response = await answer(
      () =>
        textResponse(LONG, {
          headers: { etag: '"x"', 'content-length': '6000', 'accept-ranges': 'bytes', vary: 'Origin' },
        }),
      'gzip',
    )
    const { headers } = response
    expect([
      headers.get('etag'),
      headers.has('content-length'),
      headers.has('accept-ranges'),
      headers.get('vary'),
    ]).toEqual(['W/"x"', false, false, 'Origin, Accept-Encoding'])
    await response.body?.cancel()
  })

  it.each(['gzip', undefined])(
    'takes what fetch() gave, whose fields cannot be changed, for %s',
    async (accept) => {
      const server = await serving({ fetch: () => textResponse(LONG) })
      const response = await answer(() => fetch(server.url), accept)
      expect([response.headers.get('content-encoding'), response.headers.get('vary')]).toEqual([
        accept ?? null,
        'Accept-Encoding',
      ])
      await response.body?.cancel()
    },
  )

  it('says for HEAD what it would say for GET', async () => {
    const response = await answer(long, 'gzip', {}, { method: 'HEAD' })
    expect([response.headers.get('content-encoding'), response.headers.get('vary')]).toEqual([
      'gzip',
      'Accept-Encoding',
    ])
  })

  it('fails when the body fails, and cancels it when nobody reads on', async () => {
    const failing = await answer(
      () =>
        writerResponse(
          async (writer) => {
            await writer.write(LONG)
            throw new Error('boom')
          },
          { headers: { 'content-type': 'text/plain' } },
        ),
      'gzip',
    )
    await expect(failing.text()).rejects.toThrow('boom')
    let isCancelled = false
    const endless = await answer(
      () =>
        new Response(
          new ReadableStream({
            pull: (controller) => controller.enqueue(new TextEncoder().encode(LONG)),
            cancel: () => void (isCancelled = true),
          }),
          { headers: { 'content-type': 'text/plain' } },
        ),
      'gzip',
    )
    const reader = endless.body?.getReader()
    await reader?.read()
    await reader?.cancel()
    await eventually(() => isCancelled)
    expect(isCancelled).toBe(true)
  })

  it('reads no more of the body than its reader takes', async () => {
    let pulled = 0
    const response = await answer(
      () =>
        new Response(
          new ReadableStream({
            pull: (controller) => {
              pulled += 1
              // What cannot be compressed, so that it fills the output.
              controller.enqueue(crypto.getRandomValues(new Uint8Array(50_000)))
            },
          }),
          { headers: { 'content-type': 'text/plain' } },
        ),
      'gzip',
    )
    const reader = response.body?.getReader()
    await reader?.read()
    let before = -1
    while (before !== pulled) {
      before = pulled
      await new Promise((resolve) => {
        setTimeout(resolve, 20)
      })
    }
    expect(pulled).toBeLessThan(20)
    await reader?.cancel()
  })

  it.each(['br', 'gzip', 'deflate', 'zstd'] as const)(
    'flushes each event of an event stream through, where it is told to (%s)',
    async (coding) => {
      const router = createRouter()
      router.use(compression({ codings: [coding], eventStreams: 'compress' }), { stage: 'encoding' })
      let controller: ReadableStreamDefaultController<Uint8Array> | undefined
      router.get('/', () =>
        Object.assign(
          new Response(new ReadableStream({ start: (given) => void (controller = given) }), {
            headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' },
          }),
          { [byteSourceSymbol]: { attach: () => expect.unreachable() } },
        ),
      )
      const response = await router.fetch(
        new Request('http://a.example/', { headers: { 'accept-encoding': coding } }),
      )
      expect(response.headers.get('content-encoding')).toBe(coding)
      const decoder = STREAMING_DECODERS[coding]()
      const reading = pipeline(response.body ?? [], decoder)
      for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
        controller?.enqueue(new TextEncoder().encode(event))
        expect(String((await once(decoder, 'data'))[0])).toBe(event)
      }
      controller?.close()
      decoder.resume()
      await reading
    },
  )

  it.each([
    [{ codings: ['lzma'] }, 'codings'],
    [{ thresholdBytes: -1 }, 'thresholdBytes'],
    [{ eventStreams: 'on' }, 'eventStreams'],
  ])('refuses %j', (options, option) => {
    expect(() => compression(options as CompressionOptions)).toThrow(expect.objectContaining({ option }))
  })
})
