import type { Transport, TransportRequest } from '../src/transport/transport.ts'

/** The server's side of one exchange, without a network. */
interface MemoryExchange {
  readonly request: TransportRequest
  readonly isAborted: boolean
  readonly isPaused: boolean
  /** The head; by default that of an event stream. */
  respond(status?: number, headers?: Record<string, string>): void
  /** As our server does: the head, and the mark in a block of its own. */
  respondMarked(): void
  /** Waits in a buffer while the client is paused, as in the kernel's. */
  write(text: string): void
  end(): void
  fail(error: Error): void
}

export interface MemoryServer {
  readonly transport: Transport
  /** All exchanges so far. */
  readonly exchanges: readonly MemoryExchange[]
  /** The newest. */
  readonly last: MemoryExchange
  /** Those that are neither ended nor aborted. */
  readonly openCount: number
}

export function createMemoryServer(): MemoryServer {
  const exchanges: MemoryExchange[] = []
  const open = new Set<MemoryExchange>()

  const transport: Transport = (request, sink) => {
    let isAborted = false
    let isPaused = false
    let waiting: Uint8Array[] = []
    const finish = (): void => void open.delete(exchange)
    const exchange: MemoryExchange = {
      request,
      get isAborted() {
        return isAborted
      },
      get isPaused() {
        return isPaused
      },
      respond(status = 200, headers = { 'content-type': 'text/event-stream' }) {
        if (!isAborted) sink.onResponse({ status, headers: new Headers(headers), url: request.url.href })
      },
      respondMarked() {
        exchange.respond()
        exchange.write(': sse-toolkit 1\n\n')
      },
      write(text) {
        const bytes = new TextEncoder().encode(text)
        if (isPaused) waiting.push(bytes)
        else if (!isAborted) sink.onData(bytes)
      },
      end() {
        finish()
        if (!isAborted) sink.onEnd()
      },
      fail(error) {
        finish()
        if (!isAborted) sink.onError(error)
      },
    }
    exchanges.push(exchange)
    open.add(exchange)
    return {
      pause() {
        isPaused = true
      },
      resume() {
        isPaused = false
        const chunks = waiting
        waiting = []
        for (const chunk of chunks)
          if (isPaused) waiting.push(chunk)
          else if (!isAborted) sink.onData(chunk)
      },
      abort() {
        isAborted = true
        finish()
      },
    }
  }

  return {
    transport,
    exchanges,
    get last() {
      const last = exchanges.at(-1)
      if (last === undefined) throw new Error('no request yet')
      return last
    },
    get openCount() {
      return open.size
    },
  }
}
