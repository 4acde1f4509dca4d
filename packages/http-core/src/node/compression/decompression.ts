import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
} from 'node:zlib'
import type { BrotliDecompress, Gunzip, Inflate, ZstdDecompress } from 'node:zlib'
import { HttpError } from '../../errors/http-error.ts'
import type { Middleware } from '../../middleware/middleware.ts'
import { checkBodyLimit, checkList } from '../../options/check-options.ts'
import { changeRequest } from '../../request/change-request.ts'
import type { ContentCoding } from './compression.ts'
import { ZstdFrame } from './zstd-frame.ts'

/** See {@link decompression}. */
export interface DecompressionOptions {
  /** The codings to accept. Reading content in any other coding fails with 415. @defaultValue br, zstd, gzip, deflate */
  readonly codings?: readonly ContentCoding[]
  /**
   * The maximum size of the decompressed content, in bytes; then 413. The compressed content has a separate limit,
   * `maxBodyBytes`.
   *
   * @defaultValue `context.maxBodyBytes`, the limit of the server or of the route; 1 048 576 on hosts without such a limit
   */
  readonly maxDecompressedBytes?: number
}

type Decompressor = BrotliDecompress | Gunzip | Inflate | ZstdDecompress

/** The window of 8 MB that a zstd decoder in HTTP must support (RFC 9659). A larger window would cost memory per request. */
const zstdWindowLogMax = 23

const decompressors: Readonly<Record<ContentCoding, () => Decompressor>> = {
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLogMax } }),
  gzip: () => createGunzip(),
  deflate: () => createInflate(),
}

const defaultCodings: readonly ContentCoding[] = ['br', 'zstd', 'gzip', 'deflate']
const defaultMaxBytes = 1_048_576
/** Requests rarely have more than one coding, and each coding costs a decompressor. */
const maxCodings = 2

/**
 * Creates a middleware that decompresses the content of requests by their `Content-Encoding` (RFC 9110 section 8.4). Add it
 * at the stage `'encoding'`. The handler gets the plain content, without `content-encoding` and `content-length`.
 *
 * The middleware reads nothing before the handler reads. Reading fails with 413 as soon as the decompressed content exceeds
 * the limit. It fails with 400 if the content does not match its coding, is cut short, or continues after its end (a second
 * zstd frame counts as such). It fails with 415 and `Accept-Encoding` if the coding is not supported.
 *
 * @throws {@link OptionError} naming the option.
 * @example
 * ```ts
 * import { gzipSync } from 'node:zlib'
 * import { createRouter, textResponse } from '@sse-toolkit/http-core'
 * import { decompression } from '@sse-toolkit/http-core/compression'
 *
 * const router = createRouter()
 * router.use(decompression(), { stage: 'encoding' })
 * router.post('/', async (request) => textResponse(await request.text()))
 * const response = await router.fetch(
 *   new Request('http://localhost/', {
 *     method: 'POST',
 *     headers: { 'content-encoding': 'gzip' },
 *     body: gzipSync('hello'),
 *   }),
 * )
 * await response.text() // 'hello'
 * ```
 */
export function decompression(options: DecompressionOptions = {}): Middleware {
  const { codings = defaultCodings, maxDecompressedBytes } = options
  checkList(
    'codings',
    codings,
    (coding) => typeof coding === 'string' && Object.hasOwn(decompressors, coding),
    'zstd, br, gzip, deflate',
  )
  checkBodyLimit('maxDecompressedBytes', maxDecompressedBytes)
  return (next) => (request, context) => {
    const field = request.headers.get('content-encoding')
    if (field === null) return next(request, context)
    const { body } = request
    if (body === null) return next(request, context)
    const headers = new Headers(request.headers)
    headers.delete('content-encoding')
    headers.delete('content-length')
    // Evaluated when the content is read, because a handler may set another limit until then.
    const limit = (): number => maxDecompressedBytes ?? context.maxBodyBytes ?? defaultMaxBytes
    const applied = appliedCodings(field, codings)
    const content = body as ReadableStream<Uint8Array>
    const plain =
      applied === undefined
        ? failing(content, codings)
        : // The last coding was applied last.
          applied.reduceRight((coded, coding) => decompressed(coded, coding, limit), content)
    return next(changeRequest(request, { headers, body: plain }), context)
  }
}

/**
 * A stream for content that cannot be decompressed. It fails only when the handler reads it, so that the answer passes
 * through all middlewares, and a page of another origin can read it.
 */
function failing(
  content: ReadableStream<Uint8Array>,
  understood: readonly ContentCoding[],
): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      pull() {
        // RFC 9110 section 12.5.3: Accept-Encoding tells the client which codings it may send.
        throw new HttpError(415, undefined, { headers: { 'accept-encoding': understood.join(', ') } })
      },
      cancel: (reason) => content.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}

/** The codings in the order in which they were applied; undefined if one is not supported, or if there are too many. */
function appliedCodings(
  field: string,
  understood: readonly ContentCoding[],
): readonly ContentCoding[] | undefined {
  const names = field.split(',').flatMap((item) => {
    const name = item.trim().toLowerCase()
    // RFC 9110 section 8.4.1.3: x-gzip equals gzip. Section 12.5.3: identity means no coding.
    if (name === 'x-gzip') return 'gzip'
    return name === '' || name === 'identity' ? [] : name
  })
  const known = names.flatMap((name) => understood.find((coding) => coding === name) ?? [])
  return known.length === names.length && known.length <= maxCodings ? known : undefined
}

/**
 * Pipes the content through a decompressor, at the pace of the reader:
 *
 *     content --read--> decompressor --data--> counted --> stream
 *                 waits for 'drain'       pauses until the stream is asked for more
 */
function decompressed(
  content: ReadableStream<Uint8Array>,
  coding: ContentCoding,
  limit: () => number,
): ReadableStream<Uint8Array> {
  let reading: Decompression | undefined
  return new ReadableStream(
    {
      pull(controller) {
        reading ??= new Decompression(content, coding, limit(), controller)
        reading.goOn()
      },
      cancel: (reason) => (reading === undefined ? content.cancel(reason) : reading.stop(reason)),
    },
    // Read nothing before the handler reads: the client may be waiting for `100 Continue`.
    { highWaterMark: 0 },
  )
}

class Decompression {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>
  readonly #coding: ContentCoding
  readonly #maxBytes: number
  readonly #controller: ReadableStreamDefaultController<Uint8Array>
  readonly #decompressor: Decompressor
  readonly #frame: ZstdFrame | undefined
  #readBytes = 0
  #size = 0
  /** Whether all of the compressed content has been written to the decompressor. */
  #isWhole = false
  #isOver = false

  constructor(
    content: ReadableStream<Uint8Array>,
    coding: ContentCoding,
    maxBytes: number,
    controller: ReadableStreamDefaultController<Uint8Array>,
  ) {
    this.#reader = content.getReader()
    this.#coding = coding
    this.#maxBytes = maxBytes
    this.#controller = controller
    this.#frame = coding === 'zstd' ? new ZstdFrame() : undefined
    this.#decompressor = decompressors[coding]()
      .on('data', (chunk: Buffer) => {
        this.#onData(chunk)
      })
      .once('end', () => {
        this.#onEnd()
      })
      .once('error', (error) => {
        this.#fail(this.#malformed(error))
      })
    void this.#pump()
  }

  goOn(): void {
    this.#decompressor.resume()
  }

  /** Stops reading, because the rest is not needed. */
  stop(reason: unknown): Promise<void> {
    this.#isOver = true
    this.#decompressor.destroy()
    return this.#reader.cancel(reason)
  }

  #onData(chunk: Buffer): void {
    if (this.#isOver) return
    this.#size += chunk.length
    if (this.#size > this.#maxBytes) {
      this.#fail(new HttpError(413, `The request content decompresses to more than ${this.#maxBytes} bytes.`))
      return
    }
    this.#decompressor.pause()
    this.#controller.enqueue(new Uint8Array(chunk))
  }

  #onEnd(): void {
    // The coding itself marks its end. Content after that end is not valid in this coding.
    const isExact = this.#isWhole && this.#decompressor.bytesWritten === this.#readBytes
    if (!isExact || this.#frame?.isWhole === false) {
      this.#fail(this.#malformed(undefined))
    } else if (!this.#isOver) {
      this.#isOver = true
      this.#controller.close()
    }
  }

  async #pump(): Promise<void> {
    const decompressor = this.#decompressor
    try {
      for (;;) {
        const { done, value } = await this.#reader.read()
        if (this.#isOver) return
        if (done) break
        this.#readBytes += value.length
        this.#frame?.take(value)
        if (!decompressor.write(value)) await roomOf(decompressor)
      }
    } catch (error) {
      // The client left, sends too much, or sends too slowly.
      this.#fail(error)
      return
    }
    if (this.#readBytes === 0) {
      // Empty content is valid in any coding.
      this.#isOver = true
      decompressor.destroy()
      this.#controller.close()
      return
    }
    this.#isWhole = true
    decompressor.end()
  }

  #malformed(cause: unknown): HttpError {
    return new HttpError(400, `The request content is not valid ${this.#coding}.`, { cause })
  }

  #fail(fault: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#decompressor.destroy()
    this.#controller.error(fault)
    this.#reader.cancel(fault).catch(() => {
      // The fault is already reported. An error while cancelling adds nothing.
    })
  }
}

function roomOf(decompressor: Decompressor): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      decompressor.off('drain', settle).off('close', settle)
      resolve()
    }
    decompressor.on('drain', settle).on('close', settle)
  })
}
