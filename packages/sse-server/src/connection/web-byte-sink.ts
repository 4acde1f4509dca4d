import type { ByteSink, ByteSinkListener, SharedBytes } from './byte-sink.ts'

// As node:http's: enough to keep the consumer busy, little enough to bound what waits in it.
const highWaterMarkBytes = 65_536

/**
 * A web ReadableStream as the output. The stream is lazy: `open` is called when somebody first asks it for bytes, so a
 * response whose body is never read (a HEAD request, a client that left) starts nothing.
 *
 * @param request - Not every runtime cancels the body when the client leaves; each aborts the request's signal. It is
 *   asked for only here: servers make one when it is.
 */
export function createLazyBody(
  open: (sink: ByteSink) => ByteSinkListener,
  request: Pick<Request, 'signal'> | undefined,
): ReadableStream<Uint8Array> {
  let listener: ByteSinkListener | undefined
  let sink: ByteSink | undefined
  let signal: AbortSignal | undefined
  let ended = false
  // What the reader gets after what is queued. `controller.error` would throw the queue away.
  let cutWith: DOMException | undefined

  // Nothing reads any more, so this is not a failure that the host needs to know.
  const onAbort = (): void => sink?.close()
  const end = (): void => {
    if (ended) return
    ended = true
    signal?.removeEventListener('abort', onAbort)
    // The listener may have asked for the end itself: it is notified after it has returned.
    queueMicrotask(() => listener?.closed())
  }

  const fail = (controller: ReadableStreamDefaultController<Uint8Array>): void => {
    controller.error(cutWith)
    end()
  }

  const createSink = (controller: ReadableStreamDefaultController<Uint8Array>): ByteSink => ({
    write(shared: SharedBytes): boolean {
      if (ended || cutWith !== undefined) return false
      // A copy: a reader may transfer the memory of a chunk, and other connections write the same bytes.
      controller.enqueue(shared.bytes.slice())
      return this.bufferedBytes < highWaterMarkBytes
    },
    get bufferedBytes(): number {
      // The high-water mark given below is 0, so the desired size is what is queued, negated.
      return ended ? 0 : -(controller.desiredSize ?? 0)
    },
    close(): void {
      if (ended) return
      controller.close()
      end()
    },
    cut(): void {
      cutWith = new DOMException('The event stream was broken off', 'AbortError')
      if (!ended && this.bufferedBytes === 0) fail(controller)
    },
    abort(): void {
      if (ended) return
      controller.error(new DOMException('The server aborted the event stream', 'AbortError'))
      end()
    },
  })

  return new ReadableStream<Uint8Array>(
    {
      // With a high-water mark of 0 this is called when a read finds the queue empty: the reader has caught up.
      pull(controller) {
        if (cutWith !== undefined) {
          fail(controller)
          return
        }
        if (listener !== undefined) {
          listener.drained()
          return
        }
        sink = createSink(controller)
        listener = open(sink)
        signal = request?.signal
        if (signal?.aborted === true) sink.close()
        else if (!ended) signal?.addEventListener('abort', onAbort, { once: true })
      },
      cancel: end,
    },
    { highWaterMark: 0, size: (chunk) => chunk.byteLength },
  )
}
