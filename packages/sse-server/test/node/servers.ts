import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import type { ClientHttp2Session, Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { connect } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

export interface RunningServer extends AsyncDisposable {
  readonly server: Server
  readonly port: number
  readonly url: string
}

/** A node:http server on a free port. Disposing of it destroys what is open. */
export async function serve(
  listener: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>,
): Promise<RunningServer> {
  const server = createServer((request, response) => void listener(request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    server,
    port,
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      if (server.listening) await closed(server)
    },
  }
}

/** A node:http2 server without TLS, and one client session to it. */
export async function serveHttp2(
  listener: (request: Http2ServerRequest, response: Http2ServerResponse) => void,
): Promise<AsyncDisposable & { readonly session: ClientHttp2Session }> {
  const server = createHttp2Server(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  return {
    session,
    [Symbol.asyncDispose]: async () => {
      session.destroy()
      await closed(server)
    },
  }
}

function closed(server: { close(callback: () => void): unknown }): Promise<void> {
  return new Promise((resolve) => {
    server.close(resolve)
  })
}

export interface RawClient {
  readonly socket: Socket
  /** Resolves when the connection is closed, by whichever side. */
  readonly closed: Promise<void>
  /** What has arrived. */
  readonly text: string
  /** Waits until what has arrived matches. */
  until(pattern: RegExp): Promise<void>
}

/** A raw client: it sends exactly the bytes of the test, and reads until it is paused. */
export async function connectRaw(port: number, request: string): Promise<RawClient> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  // A reset is an end like any other here.
  socket.on('error', () => undefined)
  const isClosed = new Promise<void>((resolve) => {
    socket.once('close', () => resolve())
  })
  let text = ''
  socket.setEncoding('latin1').on('data', (piece: string) => {
    text += piece
  })
  socket.write(request)
  return {
    socket,
    closed: isClosed,
    get text() {
      return text
    },
    async until(pattern) {
      while (!pattern.test(text)) {
        if (socket.closed) throw new Error(`closed before ${pattern} arrived, with ${JSON.stringify(text)}`)
        await Promise.race([once(socket, 'data'), isClosed])
      }
    },
  }
}
