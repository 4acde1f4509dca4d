import type { ByteSinkListener, SharedBytes } from '../connection/byte-sink.ts'
import { isHttp2, listenForClose } from './node-response.ts'
import type { NodeResponse, ResponseByteSink } from './node-response.ts'

/** A response as an output by its public methods: where it is wrapped, HTTP/1.0, or waits for its turn in a pipeline. */
export function createWrappedByteSink(response: NodeResponse): ResponseByteSink {
  return {
    write(shared: SharedBytes): boolean {
      if (response.destroyed || response.writableEnded) return false
      // The two kinds of response have one `write`, but types that do not meet.
      const room = isHttp2(response) ? response.write(shared.bytes) : response.write(shared.bytes)
      // Compression middleware keeps what it is given until it has enough, or until it is told to pass it on.
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
      response.destroy()
    },
    listen(listener: ByteSinkListener) {
      response.on('drain', () => listener.drained())
      listenForClose(response, () => listener.closed())
    },
  }
}
