import type { ByteSinkListener, SharedBytes } from '../connection/byte-sink.ts'
import { systemRuntime } from '../runtime.ts'
import { isHttp2, listenForClose } from './node-response.ts'
import type { NodeResponse, ResponseByteSink } from './node-response.ts'

// How long what wraps a response gets to hand on what was written, where it does not say when it has.
const lookAgainMs = 1000

/** Ends the connection so that the content is seen not to be whole. */
function destroyUnfinished(response: NodeResponse): void {
  const { socket } = response
  // RFC 9112 section 8: content that ends with its connection is whole unless the connection fails.
  const endsWithConnection =
    !isHttp2(response) && !response.chunkedEncoding && !response.hasHeader('content-length')
  if (endsWithConnection && socket !== null && !('encrypted' in socket)) socket.resetAndDestroy()
  else response.destroy()
}

/** A response as an output by its public methods: where it is wrapped, HTTP/1.0, or waits for its turn in a pipeline. */
export function createWrappedByteSink(response: NodeResponse): ResponseByteSink {
  return {
    write(shared: SharedBytes): boolean {
      if (response.destroyed || response.writableEnded) return false
      // The two kinds of response have one `write`, but types that do not meet.
      const room = isHttp2(response) ? response.write(shared.bytes) : response.write(shared.bytes)
      // Compression middleware keeps its input until it has enough, or until `flush` is called.
      if ('flush' in response && typeof response.flush === 'function') response.flush()
      return room
    },
    get bufferedBytes(): number {
      return response.writableLength
    },
    close() {
      response.end()
    },
    abort() {
      destroyUnfinished(response)
    },
    cut() {
      let timer: unknown
      // What wraps a response may not pass the callback on: then it is looked whether anything still waits.
      const look = (): void => {
        if (response.destroyed) return
        if (response.writableLength === 0) destroyUnfinished(response)
        else timer = systemRuntime.setTimeout(look, lookAgainMs)
      }
      const breakOff = (): void => {
        systemRuntime.clearTimeout(timer)
        destroyUnfinished(response)
      }
      if (response.destroyed) return
      timer = systemRuntime.setTimeout(look, lookAgainMs)
      if (isHttp2(response)) response.write('', breakOff)
      else response.write('', breakOff)
      if ('flush' in response && typeof response.flush === 'function') response.flush()
    },
    listen(listener: ByteSinkListener) {
      response.on('drain', () => listener.drained())
      listenForClose(response, () => listener.closed())
    },
  }
}
