import { isAnyArrayBuffer, isUint8Array } from 'node:util/types'
import { shorten } from '../../errors/shorten.ts'
import type { ChannelContent, ChannelMessage } from './channel-types.ts'

/** The parts of a message. */
export interface ReadMessage {
  readonly status: number | undefined
  readonly headers: ResponseInit['headers']
  /** Content that is available at once; undefined if the message has a source or no content. */
  readonly bytes: string | Uint8Array<ArrayBuffer> | undefined
  readonly source: ContentSource | undefined
}

/** Content that is read piece by piece, at the pace of the connection. */
export interface ContentSource {
  /** The Blob that is read, for its length and type; undefined for other sources. */
  readonly blob: Blob | undefined
  /** Reads the next piece; undefined at the end. */
  read(): Promise<string | Uint8Array<ArrayBuffer> | undefined>
  /** Stops reading, because the rest is not needed. */
  cancel(reason: unknown): void
}

const headMembers: ReadonlySet<string> = new Set(['status', 'headers', 'body'])

/**
 * Splits a message into its parts. Does not start reading a source.
 *
 * @throws TypeError for a value that cannot be sent, which would otherwise be lost silently.
 */
export function readMessage(message: ChannelMessage): ReadMessage {
  if (isContent(message)) return { status: undefined, headers: undefined, ...partsOf(message) }
  if (!isHead(message)) throw unsendable('message', message)
  const { status, headers, body } = message
  if (body === undefined || body === null) return { status, headers, bytes: undefined, source: undefined }
  if (!isContent(body)) throw unsendable('message.body', body)
  return { status, headers, ...partsOf(body) }
}

/** Whether the value is a plain object with no other members than those of a head. */
function isHead(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null
  return isPlain && Object.keys(value).every((key) => headMembers.has(key))
}

function unsendable(name: string, value: unknown): TypeError {
  const head = name === 'message' ? ', or { status, headers, body }' : ''
  return new TypeError(`${name}: expected text, bytes, a Blob or a stream${head}, got ${shorten(value)}.`)
}

function isContent(value: unknown): value is ChannelContent {
  if (typeof value === 'string' || isAnyArrayBuffer(value) || ArrayBuffer.isView(value)) return true
  if (typeof value !== 'object' || value === null) return false
  return isBlob(value) || 'getReader' in value || Symbol.asyncIterator in value
}

/** A structural check, so that the Blob of a polyfill passes. */
function isBlob(value: object): value is Blob {
  return 'stream' in value && typeof value.stream === 'function' && 'size' in value && 'type' in value
}

function partsOf(content: ChannelContent): Pick<ReadMessage, 'bytes' | 'source'> {
  if (typeof content === 'string') return { bytes: content, source: undefined }
  if (isAnyArrayBuffer(content)) return { bytes: new Uint8Array(content), source: undefined }
  if (ArrayBuffer.isView(content)) {
    const { buffer, byteOffset, byteLength } = content
    return { bytes: new Uint8Array(buffer, byteOffset, byteLength), source: undefined }
  }
  if (isBlob(content)) {
    const opened = (): ByteStream => content.stream() as ByteStream
    return { bytes: undefined, source: { ...streamSource(opened), blob: content } }
  }
  const source = 'getReader' in content ? streamSource(content) : iterableSource(content)
  return { bytes: undefined, source }
}

type ByteStream = ReadableStream<Uint8Array<ArrayBuffer>>

/** @param stream - A stream, or a function that opens the stream at the first read. */
function streamSource(stream: ByteStream | (() => ByteStream)): ContentSource {
  let reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> | undefined
  const open = (): ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>> =>
    (reader ??= (typeof stream === 'function' ? stream() : stream).getReader())
  return {
    blob: undefined,
    async read() {
      const { done, value } = await open().read()
      return done ? undefined : checkPiece(value)
    },
    cancel(reason) {
      // An error while cancelling does not matter: the content is no longer sent.
      if (reader !== undefined || typeof stream !== 'function') void ignoring(() => open().cancel(reason))
    },
  }
}

function iterableSource(iterable: AsyncIterable<string | Uint8Array<ArrayBuffer>>): ContentSource {
  let iterator: AsyncIterator<string | Uint8Array<ArrayBuffer>> | undefined
  return {
    blob: undefined,
    async read() {
      iterator ??= iterable[Symbol.asyncIterator]()
      const { done, value } = await iterator.next()
      return done === true ? undefined : checkPiece(value)
    },
    cancel() {
      // A Node stream may hold a file or a socket, and its iterator would release that only between two pieces.
      if ('destroy' in iterable && typeof iterable.destroy === 'function') iterable.destroy()
      else void ignoring(() => iterator?.return?.())
    },
  }
}

async function ignoring(cancel: () => unknown): Promise<void> {
  try {
    await cancel()
  } catch {
    // See above.
  }
}

function checkPiece(piece: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof piece === 'string') return piece
  if (isUint8Array(piece)) return piece as Uint8Array<ArrayBuffer>
  throw new TypeError(`A stream sent on a channel: expected text or Uint8Arrays, got ${shorten(piece)}.`)
}
