import { checkRequired } from '../options/check-options.ts'
import { withPrinting } from './print-response.ts'

/** The output of a {@link writerResponse}. */
export interface BodyWriter {
  /**
   * Queues bytes, or text as UTF-8. Resolves when the output has room: a writer that awaits it never has more than
   * one piece waiting. Rejects with the reason of {@link BodyWriter.signal} once the client has gone.
   */
  write(piece: string | Uint8Array<ArrayBuffer>): Promise<void>
  /** Aborts when the response is no longer read. */
  readonly signal: AbortSignal
}

/**
 * A streamed response that a function writes, at its own pace. The body ends when the function does; when it throws, the
 * connection is destroyed, so that the client cannot take the part for the whole.
 *
 * @throws {@link OptionError} for a writer that is not a function.
 * @example
 * ```ts
 * router.get('/export.csv', () =>
 *   writerResponse(async (writer) => {
 *     for await (const row of rows) await writer.write(`${row.join(',')}\n`)
 *   }, { headers: { 'content-type': 'text/csv' } }),
 * )
 * ```
 */
export function writerResponse(write: (writer: BodyWriter) => Promise<void>, init?: ResponseInit): Response {
  checkRequired('write', write)
  return withPrinting(new Response(new ReadableStream(new WriterSource(write), { highWaterMark: 1 }), init))
}

/** The stream's side of a writer: one piece at most waits in the stream, as long as the writer waits for `write`. */
class WriterSource implements BodyWriter {
  readonly #write: (writer: BodyWriter) => Promise<void>
  readonly #aborter = new AbortController()
  readonly #encoder = new TextEncoder()
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  /** What writes are waiting for while the stream is full. */
  #room: PromiseWithResolvers<void> | undefined

  constructor(write: (writer: BodyWriter) => Promise<void>) {
    this.#write = write
  }

  get signal(): AbortSignal {
    return this.#aborter.signal
  }

  async write(piece: string | Uint8Array<ArrayBuffer>): Promise<void> {
    this.signal.throwIfAborted()
    if (this.#controller === undefined) throw new TypeError('The writer of the response has ended')
    this.#controller.enqueue(typeof piece === 'string' ? this.#encoder.encode(piece) : piece)
    if ((this.#controller.desiredSize ?? 0) > 0) return
    this.#room ??= Promise.withResolvers()
    await this.#room.promise
  }

  start(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller
    void this.#run(controller)
  }

  pull(): void {
    this.#room?.resolve()
    this.#room = undefined
  }

  cancel(reason: unknown): void {
    this.#controller = undefined
    this.#aborter.abort(reason ?? new DOMException('The response is no longer read', 'AbortError'))
    this.#room?.reject(this.signal.reason)
  }

  async #run(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    // A microtask later: the writer must not run inside the making of the response.
    await Promise.resolve()
    try {
      await this.#write(this)
      if (!this.signal.aborted) controller.close()
    } catch (error) {
      // An error that a writer throws because its client has gone does not matter.
      if (!this.signal.aborted) controller.error(error)
    } finally {
      this.#controller = undefined
    }
  }
}
