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
 * Answers a request with a channel, so that one handler serves HTTP streaming, long polling and WebSocket.
 *
 * The result is a `Response`, which passes through routes and middlewares like any other, even if it becomes a WebSocket:
 * they may refuse the handshake or add fields to its response. On other hosts than this package's server, and over HTTP/2,
 * WebSockets are not available, and the client gets 426.
 *
 * @throws {@link OptionError} naming the option.
 * @throws {@link HttpError} 403 if the origin is not allowed; 426 if the WebSocket version is not supported, or if
 *   `accepts` is `'websocket'` and the request is not a WebSocket handshake.
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
    // Not earlier: a middleware may still replace the response, and the server may be unable to upgrade the connection.
    prepare() {
      void settled(hooks.init?.(opened), (error) => opened.failed(error))
    },
    take(connection) {
      report = connection.failed
      try {
        shakeHands(connection, protocol, options, opened)
      } finally {
        // ws refuses some handshakes itself, with an error response.
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
  // ws accepts the handshake only if `websocket` is the only protocol in the field.
  message.headers.upgrade = 'websocket'
  // In a separate object, because the types of ws lack maxPendingAutoPongs.
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
