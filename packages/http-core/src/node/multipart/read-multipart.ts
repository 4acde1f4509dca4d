import { Busboy } from '@fastify/busboy'
import type { BusboyFileStream, BusboyInstance } from '@fastify/busboy'
import { HttpError } from '../../errors/http-error.ts'
import { MultipartError } from '../../errors/multipart-error.ts'
import type { MultipartErrorCode } from '../../errors/multipart-error.ts'
import { OptionError } from '../../errors/option-error.ts'

/** A field of a form that is text. */
export interface MultipartText {
  readonly kind: 'text'
  readonly name: string
  readonly value: string
}

/** A file of a form. */
export interface MultipartFile {
  readonly kind: 'file'
  readonly name: string
  /** As the client calls it, without a path: a claim, not a name to store it under. */
  readonly filename: string
  /** As the client claims it. */
  readonly mediaType: string
  /** The content as it comes: while nobody reads, the client waits. What is left of it when the next part is asked for is dropped. */
  readonly content: ReadableStream<Uint8Array>
}

/** One part of a form. */
export type MultipartPart = MultipartText | MultipartFile

/** See {@link readMultipart}. */
export interface MultipartLimits {
  /** @defaultValue 100 */
  readonly maxParts?: number
  /** The text of one field, in bytes. @defaultValue 65 536 */
  readonly maxTextBytes?: number
  /** One file, in bytes. @defaultValue as much as the server's `maxBodyBytes` lets through */
  readonly maxFileBytes?: number
}

/** Header fields of one part. */
const maxPartFields = 32
const maxNameBytes = 255

const statuses: Readonly<Record<MultipartErrorCode, number>> = {
  'not-multipart': 415,
  malformed: 400,
  'too-many-parts': 413,
  'field-too-large': 413,
  'file-too-large': 413,
}

/**
 * Reads a form part by part, without ever holding a file: what is not asked for stays with the client.
 *
 * @throws {@link HttpError} 400, 413 or 415, with a {@link MultipartError} as its `cause`: from the loop, or for a file
 *   that is too large from its content.
 * @throws {@link OptionError} which names the limit.
 * @example
 * ```ts
 * import { readMultipart } from '@sse-toolkit/http-core/multipart'
 *
 * const form = new FormData()
 * form.set('title', 'Notes')
 * const names: string[] = []
 * for await (const part of readMultipart(new Request('http://localhost/', { method: 'POST', body: form }))) {
 *   names.push(part.name)
 * }
 * names // ['title']
 * ```
 * @see https://www.rfc-editor.org/rfc/rfc7578
 */
export async function* readMultipart(
  request: Request,
  limits: MultipartLimits = {},
): AsyncGenerator<MultipartPart, void, undefined> {
  const { maxParts = 100, maxTextBytes = 65_536, maxFileBytes = Infinity } = limits
  for (const [option, value] of Object.entries({ maxParts, maxTextBytes, maxFileBytes })) {
    if (value !== Infinity && !(Number.isSafeInteger(value) && value >= 1)) {
      throw new OptionError(option, value, 'an integer of at least 1, or Infinity')
    }
  }
  const form = new PartQueue(makeParser(request, maxParts, maxTextBytes, maxFileBytes), {
    maxParts,
    maxTextBytes,
    maxFileBytes,
  })
  const feeding = form.feed(request.body)
  try {
    for (let part = await form.next(); part !== undefined; part = await form.next()) yield part
  } finally {
    await form.stop()
    await feeding
  }
}

function makeParser(
  request: Request,
  maxParts: number,
  maxTextBytes: number,
  maxFileBytes: number,
): BusboyInstance {
  const type = request.headers.get('content-type') ?? ''
  if (!/^multipart\/form-data\s*;/i.test(type))
    throw failure('not-multipart', 'The content is not multipart/form-data.')
  try {
    return new Busboy({
      headers: { 'content-type': type },
      // One more each: the parser cuts silently at its limits, and that must show.
      limits: {
        parts: maxParts + 1,
        fieldNameSize: maxNameBytes,
        fieldSize: maxTextBytes,
        fileSize: maxFileBytes,
        headerPairs: maxPartFields,
      },
    })
  } catch (error) {
    throw failure('not-multipart', 'The multipart/form-data has no boundary.', undefined, error)
  }
}

function failure(code: MultipartErrorCode, text: string, limit?: number, cause?: unknown): HttpError {
  return new HttpError(statuses[code], text, { cause: new MultipartError(code, text, limit, cause) })
}

/**
 * Between the parser, which pushes, and the loop, which asks. The parser is fed one chunk at a time, and only while
 * fewer parts wait than one: so what waits is bounded by one chunk of the body.
 */
class PartQueue {
  readonly #parser: BusboyInstance
  readonly #limits: Required<MultipartLimits>
  readonly #waiting: MultipartPart[] = []
  readonly #files = new Map<MultipartPart, FileReading>()
  #current: FileReading | undefined
  #count = 0
  #state: 'open' | 'done' | 'stopped' = 'open'
  #error: Error | undefined
  #wake: (() => void) | undefined
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined

  constructor(parser: BusboyInstance, limits: Required<MultipartLimits>) {
    this.#parser = parser
    this.#limits = limits
    parser.on('file', (name, stream, filename, _encoding, mediaType) => {
      const reading = readingOf(stream, limits.maxFileBytes)
      const part: MultipartFile = { kind: 'file', name, filename, mediaType, content: reading.content }
      this.#files.set(part, reading)
      this.#add(part)
    })
    parser.on('field', (name, value, isNameCut, isValueCut) => {
      if (isNameCut)
        this.#fail(failure('field-too-large', `A name is longer than ${maxNameBytes} bytes.`, maxNameBytes))
      if (isValueCut) {
        this.#fail(
          failure(
            'field-too-large',
            `A field is larger than ${limits.maxTextBytes} bytes.`,
            limits.maxTextBytes,
          ),
        )
      }
      this.#add({ kind: 'text', name, value })
    })
    parser.once('finish', () => {
      if (this.#state === 'open') this.#state = 'done'
      this.#wake?.()
    })
    parser.on('error', (error) => {
      this.#fail(failure('malformed', 'The form is malformed.', undefined, error))
    })
  }

  async next(): Promise<MultipartPart | undefined> {
    // What the loop has left of a file is dropped, or the parser would wait for it for ever.
    this.#current?.drop(new DOMException('The next part was asked for', 'AbortError'))
    this.#current = undefined
    while (this.#waiting.length === 0) {
      if (this.#error !== undefined) throw this.#error
      if (this.#state !== 'open') return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const part = this.#waiting.shift()
    if (part !== undefined) {
      this.#current = this.#files.get(part)
      this.#files.delete(part)
    }
    return part
  }

  /** Never rejects: what goes wrong is for `next` to throw. */
  async feed(body: Request['body']): Promise<void> {
    if (body === null) {
      this.#fail(failure('malformed', 'The form has no content.'))
      return
    }
    const reader = body.getReader() as ReadableStreamDefaultReader<Uint8Array>
    this.#reader = reader
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (this.#state !== 'open') return
        if (done) {
          this.#parser.end()
          return
        }
        // The callback comes when the parser has passed all of it on: files included, at their readers' pace.
        await new Promise<void>((resolve) => {
          this.#parser.once('close', resolve)
          this.#parser.write(value, () => {
            this.#parser.off('close', resolve)
            resolve()
          })
        })
      }
    } catch (error) {
      this.#fail(error)
    }
  }

  async stop(): Promise<void> {
    if (this.#state === 'done' && this.#error === undefined) return
    this.#state = 'stopped'
    const reason = new DOMException('The form is not read on', 'AbortError')
    this.#current?.drop(reason)
    for (const file of this.#files.values()) file.drop(reason)
    this.#parser.destroy()
    await this.#reader?.cancel().catch(() => {
      // The body has failed already, and whoever reads the form was told so.
    })
  }

  #add(part: MultipartPart): void {
    this.#count += 1
    const { maxParts } = this.#limits
    if (this.#count > maxParts) {
      this.#fail(failure('too-many-parts', `The form has more than ${maxParts} parts.`, maxParts))
    }
    if (this.#error === undefined) this.#waiting.push(part)
    else this.#files.get(part)?.drop(this.#error)
    this.#wake?.()
  }

  #fail(error: unknown): void {
    this.#error ??= error instanceof Error ? error : new Error(String(error), { cause: error })
    // A file that is being read ends with the form.
    this.#current?.drop(this.#error)
    this.#wake?.()
  }
}

/** A file between the parser and who reads it. */
interface FileReading {
  readonly content: ReadableStream<Uint8Array>
  /** Lets the parser go on without anybody reading. */
  drop(reason: unknown): void
}

function readingOf(file: BusboyFileStream, maxFileBytes: number): FileReading {
  let drop: ((reason: unknown) => void) | undefined
  const content = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        let isOver = false
        const settle = (end: () => void): void => {
          if (isOver) return
          isOver = true
          end()
        }
        const fail = (reason: unknown): void => {
          settle(() => {
            controller.error(reason)
          })
          file.resume()
        }
        drop = fail
        file.pause()
        file.on('data', (chunk: Buffer) => {
          if (isOver) return
          controller.enqueue(new Uint8Array(chunk))
          if ((controller.desiredSize ?? 0) <= 0) file.pause()
        })
        file.once('limit', () => {
          fail(failure('file-too-large', `A file is larger than ${maxFileBytes} bytes.`, maxFileBytes))
        })
        file.once('end', () => {
          settle(() => {
            controller.close()
          })
        })
        file.once('error', fail)
      },
      pull() {
        file.resume()
      },
      cancel(reason) {
        drop?.(reason)
      },
    },
    { highWaterMark: 0 },
  )
  return { content, drop: (reason) => drop?.(reason) }
}
