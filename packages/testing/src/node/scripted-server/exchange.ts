import type { Socket } from 'node:net'
import type { ScriptedRequest } from './request-reader.ts'

export interface EventStreamHead {
  /** Default 200. */
  status?: number
  /**
   * Replaces the standard fields (`content-type: text/event-stream`, `cache-control: no-cache`) by name, or adds to
   * them.
   */
  headers?: Readonly<Record<string, string>>
  /** `chunked` (default), or a body that ends with the connection (`connection: close`). */
  framing?: 'chunked' | 'until-close'
}

/** One request and the raw connection to answer it on. */
export interface ScriptedExchange {
  readonly request: ScriptedRequest
  /** Which connection of the server this is, from 0. */
  readonly connectionIndex: number
  /** Which request of the server this is, from 0. */
  readonly requestIndex: number
  /** Resolves when the connection is closed, by whichever side. */
  readonly closed: Promise<void>
  readonly isClosed: boolean
  /**
   * Writes exactly these bytes.
   *
   * @returns Whether the kernel took them; false when the connection is closed.
   */
  write(bytes: string | Uint8Array): Promise<boolean>
  /** Writes the head of an event stream and chooses how {@link writeBody} frames. */
  writeEventStreamHead(head?: EventStreamHead): Promise<boolean>
  /** Writes body bytes: as one chunk after a chunked head, as they are otherwise. */
  writeBody(bytes: string | Uint8Array): Promise<boolean>
  /** Ends the body as its framing asks: the last chunk (the connection stays), or FIN. */
  endBody(): Promise<void>
  /** Writes a whole response with its Content-Length. */
  respond(response: {
    status: number
    headers?: Readonly<Record<string, string>>
    body?: string
  }): Promise<boolean>
  /** FIN, after what was written. */
  end(): void
  /** Closes at once. */
  destroy(): void
  /** RST. */
  reset(): void
  /** Stops reading from the client: TCP back-pressure reaches it, and its closing goes unnoticed. */
  pauseReading(): void
  resumeReading(): void
}

export function createExchange(socket: Socket, request: ScriptedRequest): ScriptedExchange {
  let framing: 'chunked' | 'until-close' = 'until-close'
  const closed = new Promise<void>((resolve) => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })

  function write(bytes: string | Uint8Array): Promise<boolean> {
    if (!socket.writable) return Promise.resolve(false)
    return new Promise((resolve) => {
      socket.write(bytes, (error) => resolve(error == null))
    })
  }

  function writeHead(status: number, headers: Readonly<Record<string, string>>): Promise<boolean> {
    const fields = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
    // An empty reason phrase is allowed (RFC 9112, section 4), and no client may depend on it.
    return write(`HTTP/1.1 ${status} \r\n${fields.join('')}\r\n`)
  }

  return {
    request,
    connectionIndex: request.connectionIndex,
    requestIndex: request.requestIndex,
    closed,
    get isClosed() {
      return socket.destroyed
    },
    write,
    writeEventStreamHead(head = {}) {
      framing = head.framing ?? 'chunked'
      return writeHead(head.status ?? 200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache',
        ...(framing === 'chunked' ? { 'transfer-encoding': 'chunked' } : { connection: 'close' }),
        ...head.headers,
      })
    },
    writeBody(bytes) {
      const content = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
      // A chunk of size 0 would end the body.
      if (framing === 'until-close' || content.length === 0) return write(content)
      return write(
        Buffer.concat([Buffer.from(`${content.length.toString(16)}\r\n`), content, Buffer.from('\r\n')]),
      )
    },
    async endBody() {
      if (framing === 'chunked') await write('0\r\n\r\n')
      else socket.end()
    },
    respond({ status, headers = {}, body = '' }) {
      const content = Buffer.from(body)
      // RFC 9110, section 8.6: no Content-Length in a 1xx or 204 response.
      const hasLength = status >= 200 && status !== 204
      const fields = hasLength ? { 'content-length': String(content.length), ...headers } : headers
      const head = writeHead(status, fields)
      return content.length === 0 ? head : write(content)
    },
    end() {
      socket.end()
    },
    destroy() {
      socket.destroy()
    },
    reset() {
      socket.resetAndDestroy()
    },
    pauseReading() {
      socket.pause()
    },
    resumeReading() {
      socket.resume()
    },
  }
}
