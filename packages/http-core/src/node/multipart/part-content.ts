import type { Readable } from 'node:stream'
import { failure } from './failure.ts'
import type { PartHead } from './part-head.ts'

/** A file that is being read from the form. */
export interface FileReading {
  readonly content: ReadableStream<Uint8Array>
  /** Drops the rest of the file, so that the parser can continue. */
  drop(reason: unknown): void
}

/** Streams the content of a file at the pace of its reader. */
export function readFile(part: Readable, maxFileBytes: number): FileReading {
  let drop: ((reason: unknown) => void) | undefined
  const content = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        let size = 0
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
          part.resume()
        }
        drop = fail
        part.on('data', (chunk: Buffer) => {
          if (isOver) return
          size += chunk.length
          if (size > maxFileBytes) {
            fail(failure('file-too-large', `A file is larger than ${maxFileBytes} bytes.`, maxFileBytes))
            return
          }
          controller.enqueue(new Uint8Array(chunk))
          if ((controller.desiredSize ?? 0) <= 0) part.pause()
        })
        part.pause()
        part.once('end', () => {
          settle(() => {
            controller.close()
          })
        })
        part.once('error', (error) => {
          fail(failure('malformed', 'The form ends in the middle of a file.', undefined, error))
        })
      },
      pull() {
        part.resume()
      },
      cancel(reason) {
        drop?.(reason)
      },
    },
    { highWaterMark: 0 },
  )
  return { content, drop: (reason) => drop?.(reason) }
}

/** Collects the text of a field. Calls `done` with the text, or `failed` with the error. */
export function readText(
  part: Readable,
  { charset }: PartHead,
  maxTextBytes: number,
  done: (text: string) => void,
  failed: (error: unknown) => void,
): void {
  const chunks: Buffer[] = []
  let size = 0
  part.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size <= maxTextBytes) chunks.push(chunk)
    else failed(failure('field-too-large', `A field is larger than ${maxTextBytes} bytes.`, maxTextBytes))
  })
  part.once('end', () => {
    if (size > maxTextBytes) return
    try {
      done(new TextDecoder(charset, { ignoreBOM: true }).decode(Buffer.concat(chunks, size)))
    } catch (error) {
      failed(failure('malformed', 'A field has an unknown charset.', undefined, error))
    }
  })
}
