import type { ByteSink, ByteSource } from '@sse-toolkit/sse-server'

/** What a server does that knows web streams only: it reads the body, as fast as its output takes it. */
export function bodySource(body: ReadableStream<Uint8Array>): ByteSource {
  return {
    attach(sink) {
      const reader = body.getReader()
      let hasRoom: PromiseWithResolvers<void> | undefined
      let isClosed = false

      async function pump(): Promise<void> {
        try {
          for (;;) {
            const { done, value } = await reader.read()
            if (isClosed) return
            if (done) break
            if (write(sink, value)) continue
            hasRoom = Promise.withResolvers()
            await hasRoom.promise
          }
          sink.close()
        } catch {
          // The source has aborted the body: the connection ends as it would for any server, torn.
          sink.abort()
        }
      }

      void pump()
      return {
        drained: () => hasRoom?.resolve(),
        closed() {
          isClosed = true
          hasRoom?.resolve()
          reader.cancel().catch(() => {
            // It had been aborted, which the pump has seen.
          })
        },
      }
    },
  }
}

function write(sink: ByteSink, bytes: Uint8Array): boolean {
  return sink.write({ bytes, chunk: bytes })
}
