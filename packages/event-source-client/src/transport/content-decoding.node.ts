import { Transform } from 'node:stream'
// Not by their names: a Node that lacks one of them could then not say that it is too old.
import zlib from 'node:zlib'

/** Where the bytes of a body go next, on their way from the wire to the content. */
export interface ContentDecoder {
  /** @returns False if the decoder is full: `onDrain` is called when there is room again. */
  write(chunk: Uint8Array): boolean
  end(): void
  pause(): void
  resume(): void
  destroy(): void
}

export interface ContentSink {
  onData(chunk: Uint8Array): void
  onEnd(): void
  onError(error: unknown): void
  onDrain(): void
}

const { constants } = zlib

/* What is flushed at the end, too, is no error if it is cut: the framing says whether a body is complete (a 404 with a coding
 * and no body is usual). */
const syncFlush = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH }
const brotliFlush = { flush: constants.BROTLI_OPERATION_FLUSH, finishFlush: constants.BROTLI_OPERATION_FLUSH }
const zstdFlush = { flush: constants.ZSTD_e_flush, finishFlush: constants.ZSTD_e_flush }

/** How many codings may be stacked: each costs memory, and more than a few are an attack. */
const maxCodings = 5

/**
 * Decodes a `Content-Encoding`, as fetch does by itself. The client does not ask for a coding, but an intermediary may ignore
 * that, and users may set `Accept-Encoding`. Stacked codings are decoded in reverse.
 *
 * Whatever the server flushes comes through at once: an event must not wait for the next one.
 *
 * @returns Undefined if there is nothing to decode. A coding that is not supported passes as it is: servers send `none`,
 *   `utf-8` and worse.
 * @see https://fetch.spec.whatwg.org/#handle-content-codings
 */
export function createContentDecoder(encoding: string | null, sink: ContentSink): ContentDecoder | undefined {
  const codings = (encoding ?? '')
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity')
    .toReversed()
  if (codings.length > maxCodings || !codings.every(isKnown)) return undefined
  const decoders = codings.map(createDecoder)
  const [first] = decoders
  const last = decoders.at(-1)
  if (first === undefined || last === undefined) return undefined
  for (const [index, decoder] of decoders.entries()) {
    decoder.on('error', (error) => sink.onError(error))
    const next = decoders[index + 1]
    if (next !== undefined) decoder.pipe(next)
  }
  first.on('drain', () => sink.onDrain())
  last.on('data', (chunk: Uint8Array) => sink.onData(chunk)).on('end', () => sink.onEnd())
  return {
    write: (chunk) => first.write(chunk),
    end: () => first.end(),
    pause: () => last.pause(),
    resume: () => last.resume(),
    destroy() {
      for (const decoder of decoders) decoder.destroy()
    },
  }
}

type Coding = 'gzip' | 'x-gzip' | 'deflate' | 'br' | 'zstd'

function isKnown(coding: string): coding is Coding {
  return ['gzip', 'x-gzip', 'deflate', 'br', 'zstd'].includes(coding)
}

function createDecoder(coding: Coding): Transform {
  switch (coding) {
    case 'deflate':
      return createAnyInflate()
    case 'br':
      return zlib.createBrotliDecompress(brotliFlush)
    case 'zstd':
      return zlib.createZstdDecompress(zstdFlush)
    case 'gzip':
    case 'x-gzip':
    default:
      return zlib.createGunzip(syncFlush)
  }
}

/**
 * `deflate` is zlib's format (RFC 9110 section 8.4.1.2), but "some non-conformant implementations send the deflate
 * compressed data without the zlib wrapper". The first byte tells: 8, deflate, in its low half is zlib's header.
 */
function createAnyInflate(): Transform {
  let inflate: Transform | undefined
  const start = (inflater: Transform): Transform =>
    inflater.on('data', (data) => any.push(data)).on('error', (error) => any.destroy(error))
  const any = new Transform({
    transform(chunk: Uint8Array, _encoding, callback) {
      inflate ??= start(
        ((chunk[0] ?? 0) & 0x0f) === 8 ? zlib.createInflate(syncFlush) : zlib.createInflateRaw(syncFlush),
      )
      // Bytes after the end of the data are ignored.
      if (inflate.readableEnded) callback()
      else inflate.write(chunk, callback)
    },
    flush(callback) {
      if (inflate === undefined || inflate.readableEnded) callback()
      else inflate.on('end', () => callback()).end()
    },
    destroy(error, callback) {
      inflate?.destroy()
      callback(error)
    },
  })
  return any
}
