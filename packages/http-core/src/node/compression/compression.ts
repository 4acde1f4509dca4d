import { constants, createBrotliCompress, createDeflate, createGzip, createZstdCompress } from 'node:zlib'
import type { BrotliCompress, Deflate, Gzip, ZstdCompress } from 'node:zlib'
import Negotiator from 'negotiator'
import { checkChoice, checkFunction, checkList, checkRuntime } from '../../options/check-options.ts'
import { decisionOf } from '../../options/decision.ts'
import { OptionError } from '../../errors/option-error.ts'
import { lightPartsOf } from '../../response/light-response.ts'
import type { Middleware } from '../../middleware/middleware.ts'
import { withMutableHeaders } from '../../response/response-head.ts'
import { completeRuntime } from '../../runtime.ts'
import type { Runtime } from '../../runtime.ts'
import { isThenable } from '../../thenable.ts'
import { hasNoContent } from '../../response/status.ts'
import { addVary } from '../../response/vary.ts'

/** The name of a content coding. */
export type ContentCoding = 'zstd' | 'br' | 'gzip' | 'deflate'

/** See {@link compression}. */
export interface CompressionOptions {
  /**
   * The codings to offer, in order of preference. The order decides if a client accepts several codings equally.
   *
   * @defaultValue br, zstd, gzip, deflate
   */
  readonly codings?: readonly ContentCoding[]
  /**
   * Content shorter than this is not compressed, in bytes. Content of unknown length is compressed.
   *
   * @defaultValue 1024
   */
  readonly thresholdBytes?: number
  /** Whether to compress content of this media type. @defaultValue text, JSON, XML, JavaScript, WebAssembly and SVG */
  readonly isCompressible?: (mediaType: string) => boolean
  /**
   * `'compress'` also compresses event streams, although they say `no-transform`. Each event is flushed, so it arrives as
   * soon as it is sent. Each connection then needs its own compressor (about 50 to 300 kB), and loses the fast path, on
   * which all connections share the bytes that are written.
   *
   * @defaultValue `'leave'`
   */
  readonly eventStreams?: 'leave' | 'compress'
  /** The runtime whose `endOfTurn` decides when a stream is flushed. @defaultValue the platform's */
  readonly runtime?: Partial<Runtime>
}

type Compressor = BrotliCompress | Deflate | Gzip | ZstdCompress

/** The settings compromise between speed and size, for content that is generated while it is sent. */
const compressors: Readonly<Record<ContentCoding, () => Compressor>> = {
  br: () => createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }),
  zstd: () => createZstdCompress(),
  gzip: () => createGzip(),
  deflate: () => createDeflate(),
}

const defaultCodings: readonly ContentCoding[] = ['br', 'zstd', 'gzip', 'deflate']
const compressible =
  /^(?:text\/|application\/(?:[\w.-]+\+)?(?:json|xml|javascript|wasm)\b|image\/svg\+xml\b)/i

/**
 * Creates a middleware that compresses responses with a coding that the client accepts (RFC 9110 section 12.5.3). Add it
 * at the stage `'encoding'`.
 *
 * The middleware does not compress responses without content, responses that already have a `content-encoding`, partial
 * content (206), responses with `cache-control: no-transform`, and media types that are not compressible. It flushes a
 * stream whenever the stream's source pauses. A strong ETag becomes weak, because the bytes differ.
 *
 * @throws {@link OptionError} naming the option.
 * @example
 * ```ts
 * import { createRouter, textResponse } from '@sse-toolkit/http-core'
 * import { compression } from '@sse-toolkit/http-core/compression'
 *
 * const router = createRouter()
 * router.use(compression({ codings: ['gzip'] }), { stage: 'encoding' })
 * router.get('/', () => textResponse('x'.repeat(5000)))
 * const headers = { 'accept-encoding': 'gzip' }
 * const response = await router.fetch(new Request('http://localhost/', { headers }))
 * response.headers.get('content-encoding') // 'gzip'
 * ```
 */
export function compression(options: CompressionOptions = {}): Middleware {
  const {
    codings = defaultCodings,
    thresholdBytes = 1024,
    isCompressible = (type) => compressible.test(type),
    eventStreams = 'leave',
  } = options
  checkList(
    'codings',
    codings,
    (coding) => typeof coding === 'string' && Object.hasOwn(compressors, coding),
    'zstd, br, gzip, deflate',
  )
  if (!(Number.isSafeInteger(thresholdBytes) && thresholdBytes >= 0)) {
    throw new OptionError('thresholdBytes', thresholdBytes, 'an integer of at least 0')
  }
  checkFunction('isCompressible', isCompressible)
  checkChoice('eventStreams', eventStreams, ['leave', 'compress'])
  checkRuntime('runtime', options.runtime)
  const runtime = completeRuntime(options.runtime)

  const isWorthIt = (response: Response): boolean => {
    const { headers, status } = response
    const type = headers.get('content-type') ?? ''
    if (hasNoContent(status) || status === 206 || headers.has('content-encoding')) return false
    if (/^text\/event-stream\b/i.test(type)) return eventStreams === 'compress'
    if (/(?:^|[\s,])no-transform(?:[\s,]|$)/i.test(headers.get('cache-control') ?? '')) return false
    return lengthOf(response) >= thresholdBytes && decisionOf('isCompressible', isCompressible(type))
  }

  const finish = (request: Request, response: Response): Response => {
    if (!isWorthIt(response)) return response
    // Set Vary even if this response is not compressed, because a cache must not reuse it for every client.
    const coding = choose(request, codings)
    const isHead = request.method === 'HEAD'
    if (coding === undefined || (response.body === null && !isHead)) {
      const varying = withMutableHeaders(response)
      addVary(varying.headers, 'Accept-Encoding')
      return varying
    }
    const headers = new Headers(response.headers)
    addVary(headers, 'Accept-Encoding')
    headers.set('content-encoding', coding)
    headers.delete('content-length')
    headers.delete('accept-ranges')
    const etag = headers.get('etag')
    if (etag?.startsWith('"') === true) headers.set('etag', `W/${etag}`)
    const { status, statusText, body } = response
    // The answer to HEAD has the fields of the answer to GET, but there is nothing to compress.
    if (isHead || body === null) return new Response(body, { status, statusText, headers })
    return new Response(compressed(body, compressors[coding](), runtime), { status, statusText, headers })
  }

  return (next) => (request, context) => {
    const answer = next(request, context)
    return isThenable(answer) ? answer.then((response) => finish(request, response)) : finish(request, answer)
  }
}

function choose(request: Request, codings: readonly ContentCoding[]): ContentCoding | undefined {
  const field = request.headers.get('accept-encoding')
  if (field === null) return undefined
  const negotiator: { encodings(available: readonly string[], options: object): string[] } = new Negotiator({
    headers: { 'accept-encoding': field },
  })
  const [first] = negotiator.encodings([...codings, 'identity'], { preferred: codings })
  return codings.find((coding) => coding === first)
}

function lengthOf(response: Response): number {
  const content = lightPartsOf(response)?.content
  if (content !== undefined) return typeof content === 'string' ? Buffer.byteLength(content) : content.length
  return Number(response.headers.get('content-length') ?? Infinity)
}

/**
 * Pipes the body through a compressor, at the pace of the reader:
 *
 *     body --read--> pump --write--> compressor --data--> stream
 *                     |  waits for 'drain'           |  pauses above its high-water mark
 *                     +- a turn without a further chunk: flush
 */
function compressed(
  body: NonNullable<Response['body']>,
  compressor: Compressor,
  runtime: Pick<Runtime, 'endOfTurn'>,
): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  let chunks = 0
  const pump = async (): Promise<void> => {
    for (;;) {
      const { done, value } = await reader.read()
      if (compressor.destroyed) return
      if (done) {
        compressor.end()
        return
      }
      const hasRoom = compressor.write(value)
      chunks += 1
      const written = chunks
      runtime.endOfTurn(() => {
        if (chunks === written && compressor.writable) compressor.flush()
      })
      if (!hasRoom) await roomOf(compressor)
    }
  }
  return new ReadableStream({
    start(controller) {
      compressor.on('data', (chunk: Buffer) => {
        controller.enqueue(new Uint8Array(chunk))
        if ((controller.desiredSize ?? 0) <= 0) compressor.pause()
      })
      compressor.once('end', () => {
        controller.close()
      })
      compressor.once('error', (error) => {
        controller.error(error)
      })
      pump().catch((error: unknown) => {
        compressor.destroy(error instanceof Error ? error : new Error(String(error), { cause: error }))
      })
    },
    pull() {
      compressor.resume()
    },
    cancel(reason) {
      compressor.destroy()
      return reader.cancel(reason)
    },
  })
}

function roomOf(compressor: Compressor): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      compressor.off('drain', settle).off('close', settle)
      resolve()
    }
    compressor.on('drain', settle).on('close', settle)
  })
}
