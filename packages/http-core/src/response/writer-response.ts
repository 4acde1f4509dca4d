import { checkRequired } from '../options/check-options.ts'
import { withPrinting } from './print-response.ts'

/** The output of a {@link writerResponse}. */
export interface BodyWriter {
  /**
   * Queues bytes, or text as UTF-8. Resolves when the output has room: if you await each call, at most one piece is
   * waiting. Rejects with the reason of {@link BodyWriter.signal} if the client has left.
   */
  write(piece: string | Uint8Array<ArrayBuffer>): Promise<void>
  /** Aborts when the response is no longer read, for example because the client has left. */
  readonly signal: AbortSignal
}

/**
 * Creates a streamed response whose body a function writes. The body ends when the function returns. If the function
 * throws, the server destroys the connection, so that the client cannot mistake a part for the whole.
 *
 * @throws {@link OptionError} if `write` is not a function.
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

/** The stream's side of a writer. At most one piece waits in the stream, provided that the function awaits `write`. */
class WriterSource implements BodyWriter {
  readonly #write: (writer: BodyWriter) => Promise<void>
  readonly #aborter = new AbortController()
  readonly #encoder = new TextEncoder()
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  /** Resolves when the stream has room. Writes await it while the stream is full. */
  #room: PromiseWithResolvers<void> | undefined

  constructor(write: (writer: BodyWriter) => Promise<void>) {
    this.#write = write
  }

  get signal(): AbortSignal {
    return this.#aborter.signal
  }

  async write(piece: string | Uint8Array<ArrayBuffer>): Promise<void> {
    this.signal.throwIfAborted()
    if (this.#controller === undefined) throw new TypeError('The body of the response has ended')
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
    // A microtask later, so that the function does not run before the response exists.
    await Promise.resolve()
    try {
      await this.#write(this)
      if (!this.signal.aborted) controller.close()
    } catch (error) {
      // After the client has left, an error of the function does not matter.
      if (!this.signal.aborted) controller.error(error)
    } finally {
      this.#controller = undefined
    }
  }
}
