import { Http2ServerResponse } from 'node:http2'
import type { ByteSinkListener, SharedBytes } from '../connection/byte-sink.ts'
import { listenForClose } from './node-response.ts'
import type { ResponseByteSink } from './node-response.ts'

// As they are before a monitoring agent wraps the prototype.
const write: unknown = Reflect.get(Http2ServerResponse.prototype, 'write')
const end: unknown = Reflect.get(Http2ServerResponse.prototype, 'end')

/**
 * An HTTP/2 response as an output: its stream, without the compatibility layer between.
 *
 * @returns undefined where somebody has wrapped the response.
 */
export function createHttp2ByteSink(response: Http2ServerResponse): ResponseByteSink | undefined {
  if (response.write !== write || response.end !== end) return undefined
  const { stream } = response
  return {
    write(shared: SharedBytes): boolean {
      if (stream.destroyed || stream.closed) return false
      return stream.write(shared.bytes)
    },
    get bufferedBytes(): number {
      return stream.writableLength
    },
    close() {
      response.end()
    },
    abort() {
      // RST_STREAM with INTERNAL_ERROR: the other streams of the connection go on. `close(code)` would end the content in
      // good order first, and the client could take the part for the whole.
      stream.destroy(new Error('The event stream is given up'))
    },
    cut() {
      // Written behind what is queued: when its turn has come, all of that has been sent.
      if (!stream.destroyed) stream.write('', () => this.abort())
    },
    listen(listener: ByteSinkListener) {
      stream.on('drain', () => listener.drained())
      listenForClose(response, () => listener.closed())
    },
  }
}
