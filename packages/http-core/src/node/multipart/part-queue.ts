import type { Readable } from 'node:stream'
import { Dicer } from '@fastify/busboy'
import { failure } from './failure.ts'
import { readFile, readText } from './part-content.ts'
import type { FileReading } from './part-content.ts'
import { parserLimits, readPartHead } from './part-head.ts'
import type { PartHead } from './part-head.ts'
import type { MultipartFile, MultipartLimits, MultipartPart } from './parts.ts'

/** The place of a part in the order of the form. `part` is set once the part can be delivered. */
interface Place {
  part: MultipartPart | undefined
}

/**
 * Connects the parser, which pushes parts, with the loop, which pulls them. The parser gets the next chunk of the body only
 * when it has passed on all of the previous one.
 */
export class PartQueue {
  readonly #parser: Dicer
  readonly #limits: Required<MultipartLimits>
  /** In the order of the form. A text gets its place before its value is complete. */
  readonly #waiting: Place[] = []
  readonly #files = new Map<MultipartPart, FileReading>()
  #current: FileReading | undefined
  #count = 0
  /** Whether the header fields of the latest part are still missing. */
  #isHeadMissing = false
  #state: 'open' | 'done' | 'stopped' = 'open'
  #error: Error | undefined
  #wake: (() => void) | undefined
  /** Ends the wait for the pending write. */
  #written: (() => void) | undefined
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined

  constructor(boundary: string, limits: Required<MultipartLimits>) {
    this.#limits = limits
    this.#parser = new Dicer({ ...parserLimits, boundary })
    this.#parser.on('part', (part) => {
      this.#checkHead()
      this.#isHeadMissing = true
      // Ignored here: the parser itself reports that the form ended too soon. The part may have no other listener yet.
      part.on('error', () => {})
      part.on('header', (fields) => {
        this.#isHeadMissing = false
        this.#begin(part, fields as Readonly<Record<string, readonly string[]>>)
      })
    })
    // The parser does not call back for the last write, neither when the last part ends nor when the parser is destroyed.
    this.#parser.once('close', () => this.#written?.())
    this.#parser.once('finish', () => {
      this.#written?.()
      this.#checkHead()
      if (this.#state === 'open') this.#state = 'done'
      this.#wake?.()
    })
    this.#parser.on('error', (error: Error) => {
      this.#fail(failure('malformed', 'The form is malformed.', undefined, error))
    })
  }

  #checkHead(): void {
    if (this.#isHeadMissing) this.#fail(failure('malformed', 'A part of the form has no header fields.'))
  }

  #begin(part: Readable, fields: Readonly<Record<string, readonly string[]>>): void {
    const { maxParts, maxTextBytes, maxFileBytes } = this.#limits
    const fail = (error: unknown): void => {
      this.#fail(error)
    }
    let head: PartHead
    try {
      this.#count += 1
      if (this.#count > maxParts) {
        throw failure('too-many-parts', `The form has more than ${maxParts} parts.`, maxParts)
      }
      head = readPartHead(fields)
    } catch (error) {
      part.resume()
      fail(error)
      return
    }
    const { name, filename, mediaType } = head
    if (filename === undefined) {
      const place = this.#takePlace()
      const done = (value: string): void => {
        this.#fill(place, { kind: 'text', name, value })
      }
      readText(part, head, maxTextBytes, done, fail)
    } else {
      const reading = readFile(part, maxFileBytes)
      const file: MultipartFile = { kind: 'file', name, filename, mediaType, content: reading.content }
      this.#files.set(file, reading)
      this.#fill(this.#takePlace(), file)
    }
  }

  async next(): Promise<MultipartPart | undefined> {
    // Drop the rest of the previous file, or the parser would wait forever for its reader.
    this.#current?.drop(new DOMException('The form has moved on to the next part', 'AbortError'))
    this.#current = undefined
    while (this.#waiting[0]?.part === undefined) {
      if (this.#error !== undefined) throw this.#error
      if (this.#waiting.length === 0 && this.#state !== 'open') return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const part = this.#waiting.shift()?.part
    if (part !== undefined) {
      this.#current = this.#files.get(part)
      this.#files.delete(part)
    }
    return part
  }

  /** Feeds the body to the parser. Never rejects: `next` throws the error instead. */
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
        // The parser calls back when it has passed on the whole chunk, including files at the pace of their readers.
        await new Promise<void>((resolve) => {
          this.#written = resolve
          this.#parser.write(value, () => {
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
    const reason = new DOMException('The form is no longer read', 'AbortError')
    this.#current?.drop(reason)
    for (const file of this.#files.values()) file.drop(reason)
    this.#parser.destroy()
    await this.#reader?.cancel().catch(() => {
      // The body has already failed, and the reader of the form has got the error.
    })
  }

  #takePlace(): Place {
    const place: Place = { part: undefined }
    this.#waiting.push(place)
    return place
  }

  #fill(place: Place, part: MultipartPart): void {
    if (this.#error === undefined) place.part = part
    else this.#files.get(part)?.drop(this.#error)
    this.#wake?.()
  }

  #fail(error: unknown): void {
    this.#error ??= error instanceof Error ? error : new Error(String(error), { cause: error })
    // The file that is being read fails together with the form.
    this.#current?.drop(this.#error)
    this.#wake?.()
  }
}
