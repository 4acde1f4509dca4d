import type { Transform } from 'node:stream'
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
} from 'node:zlib'
import { ConnectionError } from '../errors/connection-error.ts'

/** The rest of the way of a body, from the bytes of the wire to those of the content. */
export interface ContentDecoder {
  /** @returns False if the decoder is full: `onDrain` says when it is not any more. */
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

/**
 * Decodes a `Content-Encoding`, as fetch does by itself. The client asks for none, but an intermediary may not care, or
 * the user has set `Accept-Encoding`.
 *
 * Each flush of the server comes through at once, for an event must not wait for the next one.
 *
 * @returns Undefined for `identity`, where nothing is to be done.
 * @throws {@link ConnectionError} for an encoding that is not known.
 */
export function createContentDecoder(encoding: string | null, sink: ContentSink): ContentDecoder | undefined {
  const decompressor = createDecompressor(encoding?.trim().toLowerCase() ?? 'identity')
  if (decompressor === undefined) return undefined
  decompressor
    .on('data', (chunk: Uint8Array) => sink.onData(chunk))
    .on('end', () => sink.onEnd())
    .on('error', (error) => sink.onError(error))
    .on('drain', () => sink.onDrain())
  return {
    write: (chunk) => decompressor.write(chunk),
    end: () => decompressor.end(),
    pause: () => decompressor.pause(),
    resume: () => decompressor.resume(),
    destroy: () => decompressor.destroy(),
  }
}

function createDecompressor(encoding: string): Transform | undefined {
  switch (encoding) {
    case '':
    case 'identity':
      return undefined
    case 'gzip':
    case 'x-gzip':
      return createGunzip({ flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH })
    case 'deflate':
      return createInflate({ flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH })
    case 'br':
      return createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH })
    case 'zstd':
      return createZstdDecompress({ flush: constants.ZSTD_e_flush })
    default:
      throw new ConnectionError('network', `The response has the unknown Content-Encoding ${encoding}`)
  }
}
