import { WebSocketServer } from 'ws'
import { isChannelError } from '../../errors/channel-error.ts'
import { HttpError, isHttpError } from '../../errors/http-error.ts'
import { completeRuntime } from '../../runtime.ts'
import { settled } from '../../thenable.ts'
import { connectionUpgradeSymbol } from '../../response/sent-status.ts'
import type { ConnectionUpgrade, UpgradedConnection } from '../upgrade/connection-upgrade.ts'
import type { ChannelHooks, ChannelOptions } from './channel-types.ts'
import { checkChannel, checkHandshake, isWebSocketHandshake } from './handshake.ts'
import { HttpChannel } from './http-channel.ts'
import { WebSocketChannel } from './web-socket-channel.ts'

/**
 * Answers a request with a channel: the same handler for HTTP streaming, long polling and WebSocket.
 *
 * The answer is a `Response` on its way through routes and middlewares as any other, also where it becomes a WebSocket:
 * those may refuse it, or set fields of the handshake's response. On a host other than this package's server, and over
 * HTTP/2, a WebSocket cannot be had, and the client gets 426.
 *
 * @throws {@link OptionError} which names the option.
 * @throws {@link HttpError} 403 for an origin that may not, 426 where a WebSocket is wanted and cannot be had.
 * @example
 * ```ts no-run
 * import { createRouter } from '@sse-toolkit/http-core'
 * import { createServer } from '@sse-toolkit/http-core/node'
 * import { channel } from '@sse-toolkit/http-core/web-socket'
 *
 * const router = createRouter()
 * router.get('/chat', (request) =>
 *   channel(request, {
 *     open: (chat) => chat.send('welcome', { close: false }),
 *     receive: (chat, message) => {
 *       chat.send(message)
 *     },
 *   }),
 * )
 * await createServer({ fetch: router.fetch }).listen()
 * ```
 * @see https://www.rfc-editor.org/rfc/rfc6455
 */
export async function channel(
  request: Request,
  hooks: ChannelHooks,
  options: ChannelOptions = {},
): Promise<Response> {
  checkChannel(hooks, options)
  const { accepts = 'any', maxBufferedBytes = 1_048_576 } = options
  if (accepts !== 'http' && isWebSocketHandshake(request)) return webSocketResponse(request, hooks, options)
  if (accepts === 'websocket') throw new HttpError(426, undefined, { headers: { upgrade: 'websocket' } })
  return new HttpChannel(request, hooks, maxBufferedBytes).response
}

function webSocketResponse(request: Request, hooks: ChannelHooks, options: ChannelOptions): Response {
  let protocol: string | undefined
  try {
    protocol = checkHandshake(request, options)
  } catch (error) {
    if (!isChannelError(error) && !isHttpError(error)) throw error
    const answer = hooks.handshakeFailed?.(error)
    if (answer !== undefined) return answer
    throw isHttpError(error) ? error : new HttpError(400, error.message, { cause: error })
  }
  let report: ((error: unknown) => void) | undefined
  const opened = new WebSocketChannel(hooks, {
    maxBufferedBytes: options.maxBufferedBytes ?? 1_048_576,
    pingIntervalMs: options.pingIntervalMs ?? 30_000,
    runtime: completeRuntime(options.runtime),
    failed: (error) => report?.(error),
  })
  const upgrade: ConnectionUpgrade = {
    // Not before: a middleware may still answer otherwise, and the server may have no connection to give.
    prepare() {
      void settled(hooks.init?.(opened), (error) => opened.failed(error))
    },
    take(connection) {
      report = connection.failed
      try {
        shakeHands(connection, protocol, options, opened)
      } finally {
        // ws answers some handshakes with an error of its own.
        opened.settleUnlessOpened()
      }
      return opened
    },
  }
  const response = new Response(null, { status: 426, headers: { upgrade: 'websocket' } })
  Object.defineProperty(response, connectionUpgradeSymbol, { value: upgrade })
  return response
}

function shakeHands(
  { message, socket, head, fields }: UpgradedConnection,
  protocol: string | undefined,
  {
    maxMessageBytes = 1_048_576,
    maxFragments = 16_384,
    maxPendingPongs = 60,
    compression = 'off',
  }: ChannelOptions,
  opened: WebSocketChannel,
): void {
  // ws requires it to be the only one.
  message.headers.upgrade = 'websocket'
  // Named apart: the second is not in the types of ws.
  const limits = { maxFragments, maxPendingAutoPongs: maxPendingPongs }
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: maxMessageBytes,
    ...limits,
    perMessageDeflate: compression === 'on',
    handleProtocols: () => protocol ?? false,
  })
  server.once('headers', (lines) => {
    for (let index = 0; index < fields.length; index += 2) {
      lines.push(`${fields[index]}: ${fields[index + 1]}`)
    }
  })
  server.handleUpgrade(message, socket, head, (webSocket) => {
    opened.opened(webSocket)
  })
}
