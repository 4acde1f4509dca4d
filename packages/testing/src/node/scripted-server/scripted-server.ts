import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { systemRuntime } from '../../runtime.ts'
import type { Runtime } from '../../runtime.ts'
import { within } from '../../within.ts'
import { createExchange } from './exchange.ts'
import type { ScriptedExchange } from './exchange.ts'
import { ScriptError } from './script-error.ts'
import { createRequestReader } from './request-reader.ts'
import type { ScriptedRequest } from './request-reader.ts'

export interface ScriptedServerOptions {
  /** The clock of the deadlines. @defaultValue the real clock */
  readonly runtime?: Runtime
}

/** Answers one request. */
export type Script = (exchange: ScriptedExchange) => void | Promise<void>

export interface ScriptedServer extends AsyncDisposable {
  readonly host: string
  readonly port: number
  /** `http://host:port` */
  readonly url: string
  /** Connections accepted since the start. */
  readonly accepted: number
  /** Connections open now. */
  readonly connections: number
  /** Every request so far, in order of arrival. */
  readonly requests: readonly ScriptedRequest[]
  /**
   * The oldest request that no earlier call returned; waits for a request if there is none.
   *
   * @param timeoutMs - Default 10 s.
   * @throws {@link TimeoutError} `code: 'timeout'`, and what a script threw.
   */
  nextRequest(timeoutMs?: number): Promise<ScriptedRequest>
  /**
   * Closes the port and every connection.
   *
   * @throws What a script threw; {@link MalformedRequestError} for bytes that are not a request; {@link ScriptError} for a
   *   request without a script. So no failure passes unseen.
   */
  close(): Promise<void>
}

/**
 * Starts an HTTP/1.1 server on 127.0.0.1 that answers with exactly the bytes that the script writes.
 *
 * The script runs once for each request. When it returns, the connection stays as the script left it, and the server reads the
 * next request on it.
 *
 * @param script - One function for all requests, or a list with one function for each. A request beyond the list is an error.
 * @example
 * ```ts
 * import { startScriptedServer } from '@sse-toolkit/testing/node'
 *
 * await using server = await startScriptedServer(async (exchange) => {
 *   await exchange.writeEventStreamHead()
 *   await exchange.writeBody('data: whole\n\ndata: ha')
 *   exchange.reset() // the other half never comes
 * })
 * const response = await fetch(server.url)
 * response.status // 200
 * ```
 */
export async function startScriptedServer(
  script: Script | readonly Script[],
  options: ScriptedServerOptions = {},
): Promise<ScriptedServer> {
  const { runtime = systemRuntime } = options
  const host = '127.0.0.1'
  const sockets = new Set<Socket>()
  const requests: ScriptedRequest[] = []
  const waiting: { resolve: (request: ScriptedRequest) => void; reject: (error: Error) => void }[] = []
  const failures: Error[] = []
  let accepted = 0
  let handedOut = 0
  let closing = false

  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    // A client that resets is what many tests are about; `closed` tells the script.
    socket.on('error', () => socket.destroy())
    const connectionIndex = accepted
    accepted += 1
    converse(socket, connectionIndex).catch((error: unknown) => {
      socket.destroy()
      if (closing) throw error
      const failure =
        error instanceof Error
          ? error
          : new ScriptError('script-threw', `A script threw ${String(error)}`, { cause: error })
      failures.push(failure)
      for (const waiter of waiting.splice(0)) waiter.reject(failure)
    })
  })
  server.listen(0, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  async function converse(socket: Socket, connectionIndex: number): Promise<void> {
    const readRequest = createRequestReader(socket)
    for (;;) {
      const parsed = await readRequest()
      if (parsed === undefined) return
      const request = { ...parsed, connectionIndex, requestIndex: requests.length }
      requests.push(request)
      const run = typeof script === 'function' ? script : script[request.requestIndex]
      const waiter = waiting.shift()
      if (waiter !== undefined) {
        handedOut += 1
        waiter.resolve(request)
      }
      if (run === undefined)
        throw new ScriptError(
          'script-ended',
          `Request ${request.requestIndex} (${request.method} ${request.target}) has no script: the list ended before it.`,
        )
      await run(createExchange(socket, request))
    }
  }

  async function nextRequest(timeoutMs = 10_000): Promise<ScriptedRequest> {
    const arrived = requests[handedOut]
    if (arrived !== undefined) {
      handedOut += 1
      return arrived
    }
    const [failure] = failures
    if (failure !== undefined) throw failure
    let abandon: (() => void) | undefined
    const arrival = new Promise<ScriptedRequest>((resolve, reject) => {
      const waiter = { resolve, reject }
      waiting.push(waiter)
      abandon = () => {
        const at = waiting.indexOf(waiter)
        if (at !== -1) waiting.splice(at, 1)
      }
    })
    try {
      return await within(arrival, {
        what: `request ${requests.length}`,
        timeoutMs,
        runtime,
        seen: () => `${requests.length} requests on ${accepted} connections so far`,
      })
    } finally {
      abandon?.()
    }
  }

  async function close(): Promise<void> {
    const closed = server.listening ? once(server, 'close') : undefined
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
    // Scripts that waited for their connection's end go on now; give what they throw a turn to arrive.
    await nextTurn()
    closing = true
    const [first, ...others] = failures.splice(0)
    if (others.length > 0) throw new AggregateError([first, ...others], 'scripts failed')
    if (first !== undefined) throw first
  }

  return {
    host,
    port,
    url: `http://${host}:${port}`,
    get accepted() {
      return accepted
    },
    get connections() {
      return sockets.size
    },
    requests,
    nextRequest,
    close,
    [Symbol.asyncDispose]: close,
  }
}
