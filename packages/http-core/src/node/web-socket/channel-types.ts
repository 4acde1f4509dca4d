import type { ChannelError } from '../../errors/channel-error.ts'
import type { HttpError } from '../../errors/http-error.ts'
import type { Runtime } from '../../runtime.ts'

/** `'http'`: a single HTTP response, sent whole (long polling) or piece by piece (streaming). */
export type ChannelKind = 'http' | 'websocket'

/**
 * How a channel ended.
 *
 * - `'server-close'`: the server closed the channel, by `close()`, by a send that closes, because of a limit, or because the
 *   server stopped.
 * - `'client-close'`: an HTTP client left.
 * - `'normal'` (1000), `'going-away'` (1001), `'protocol-error'` (1002, 1007), `'unsupported'` (1003),
 *   `'message-too-big'` (1009): the client closed the WebSocket with this code, or its fault closed the WebSocket.
 * - `'unknown'`: any other code, or the connection broke (1006).
 */
export type ChannelCloseStatus =
  | 'server-close'
  | 'client-close'
  | 'normal'
  | 'going-away'
  | 'protocol-error'
  | 'unsupported'
  | 'message-too-big'
  | 'unknown'

/**
 * The content of a message. Text and bytes are sent at once.
 *
 * The channel reads a Blob (for a file, `await openAsBlob(path)` of node:fs), a web stream, or another async iterable of
 * text or bytes (such as a Node stream) at the pace of the client. Later sends wait until it has been sent.
 */
export type ChannelContent =
  | string
  | ArrayBuffer
  | ArrayBufferView<ArrayBuffer>
  | Blob
  | ReadableStream<Uint8Array<ArrayBuffer>>
  | AsyncIterable<string | Uint8Array<ArrayBuffer>>

/**
 * The argument of {@link Channel.send}: content, or content with a status and fields for the first send over HTTP. A
 * WebSocket ignores status and fields.
 */
export type ChannelMessage =
  | ChannelContent
  | {
      /** @defaultValue 200 */
      readonly status?: number
      readonly headers?: ResponseInit['headers']
      readonly body?: ChannelContent
    }

/** See {@link Channel.send}. */
export interface SendOptions {
  /**
   * Whether to close the channel after this message.
   *
   * @defaultValue true over HTTP, so that a single send is a whole response; false on a WebSocket
   */
  readonly close?: boolean
}

/** The connection to one client, over HTTP or on a WebSocket. */
export interface Channel {
  readonly kind: ChannelKind
  readonly isOpen: boolean
  /** The subprotocol that was chosen; undefined over HTTP, and if none was chosen. */
  readonly protocol: string | undefined
  /** The number of bytes that wait for the connection. Bytes that are still unread in a Blob or a stream do not count. */
  readonly bufferedBytes: number
  /**
   * Sends a message. Returns false if the channel is closed, or closes because more than `maxBufferedBytes` are waiting. A
   * stream in the message is then cancelled.
   *
   * Over HTTP the content becomes part of the body. On a WebSocket, text becomes a text message and bytes become a binary
   * message. A Blob or a stream becomes one binary message in fragments, or a text message if the first piece is text.
   *
   * If reading a Blob or a stream fails, the channel breaks off, so that the client cannot mistake the part for the whole:
   * over HTTP the connection is cut off, and a WebSocket is closed with 1011.
   *
   * @throws {@link ChannelError} `code: 'head-sent'` if a later send than the first has a status or fields (over HTTP).
   *   Nothing is sent, and the channel stays open.
   * @throws TypeError for any other value, such as an object that should be JSON. Nothing is sent.
   */
  send(message: ChannelMessage, options?: SendOptions): boolean
  /** Resolves when the connection has taken most of the sent bytes, or has closed. Await it before each send to bound memory. */
  ready(): Promise<void>
  /** Closes the channel cleanly, after everything that was sent. Returns false if the channel was closed already. */
  close(): boolean
  /** Calls the listener once with the way the channel ended; at once if the channel has ended already. */
  onClose(listener: (status: ChannelCloseStatus) => unknown): void
  /** Replaces the hook `receive` for later messages. */
  onReceive(listener: NonNullable<ChannelHooks['receive']>): void
  /** Replaces the hook `ping` for later pings. */
  onPing(listener: NonNullable<ChannelHooks['ping']>): void
}

/**
 * Callbacks for the events of a channel. All hooks except `init` may be asynchronous; the channel only waits for `receive`.
 *
 * If a hook throws or rejects, the channel closes, and the server's logger gets the error. Over HTTP, before the first send,
 * the client gets 500, or the status of an HttpError, which is not logged. Other hosts write the error to the console.
 */
export interface ChannelHooks {
  /**
   * Called before anything is sent, when it is certain that the channel opens: over HTTP at once, for a WebSocket right
   * before the handshake, after all middlewares. If `init` throws, the request fails; an HttpError becomes its answer.
   *
   * Acquire resources here and release them in `close`: if `init` returns, `close` is called exactly once, whatever happens
   * to the request.
   */
  readonly init?: (channel: Channel) => void
  /** Called when the channel is open. Over HTTP you may wait as long as you like before the first send. */
  readonly open?: (channel: Channel) => unknown
  /**
   * Called with each message of a WebSocket: a string for text, otherwise bytes. While the returned promise is pending, the
   * channel reads nothing more.
   */
  readonly receive?: (channel: Channel, message: string | Uint8Array<ArrayBuffer>) => void | Promise<void>
  /** Called with each ping of a WebSocket. The pong has already been sent. */
  readonly ping?: (channel: Channel, data: Uint8Array) => unknown
  /**
   * Called once when the channel has closed, whichever side closed it. Also called if a middleware replaced the response,
   * but only on this package's server, since other hosts do not report that. Not called unless `init` ran without an error.
   */
  readonly close?: (channel: Channel, status: ChannelCloseStatus) => unknown
  /**
   * Called if a WebSocket handshake is refused: the handshake is invalid (a {@link ChannelError}, answered with 400), the
   * origin is not allowed (an {@link HttpError} with 403), or the version is not supported (426). Return a Response to
   * answer with that instead.
   */
  readonly handshakeFailed?: (error: ChannelError | HttpError) => Response | void
}

/** See {@link channel}. */
export interface ChannelOptions {
  /**
   * `'websocket'`: all other requests get 426. `'http'`: a WebSocket handshake is treated like any other GET.
   *
   * @defaultValue `'any'`
   */
  readonly accepts?: 'any' | 'websocket' | 'http'
  /**
   * The subprotocols that your handler supports. The channel chooses the first one in the client's list that you support.
   *
   * @defaultValue none: the channel chooses no subprotocol
   */
  readonly protocols?: readonly string[]
  /** `'required'` refuses a client with 400 if it offers none of `protocols`. @defaultValue `'optional'` */
  readonly protocol?: 'optional' | 'required'
  /**
   * Which pages may open a WebSocket; pages of other origins get 403. Browsers do not restrict WebSockets to the same origin,
   * and they send cookies with the handshake, so the server must check.
   *
   * `'same'` allows pages of the request's own origin, `'*'` allows all pages. You can also pass a list of origins or a
   * function. A client that sends no `Origin` is not a page and is let in, unless you pass a function: it is then called with
   * `undefined` and decides. A function must return `true` or `false`; if it returns anything else, including a promise,
   * the client gets 500.
   *
   * @defaultValue `'same'`
   */
  readonly origin?: 'same' | '*' | readonly string[] | ((origin: string | undefined) => boolean)
  /** The maximum size of a WebSocket message, in bytes; a longer one closes the WebSocket with 1009. @defaultValue 1 048 576 */
  readonly maxMessageBytes?: number
  /**
   * How many fragments a WebSocket message may have. More close the WebSocket with 1008; the status is `'message-too-big'`.
   *
   * @defaultValue 16 384
   */
  readonly maxFragments?: number
  /**
   * How many pongs may wait for a client that sends pings but does not read. With more, the channel ends the connection.
   *
   * @defaultValue 60
   */
  readonly maxPendingPongs?: number
  /**
   * How many bytes may wait for a client that reads slowly. With more, the channel closes, a WebSocket with 1013.
   *
   * @defaultValue 1 048 576
   */
  readonly maxBufferedBytes?: number
  /**
   * How often the channel sends a ping on a WebSocket, in milliseconds. If the client has not responded by the next ping,
   * the connection ends. While `receive` is at work, the channel reads no pongs and does not count them as missing.
   *
   * @defaultValue 30 000. With 0 the channel sends no pings.
   */
  readonly pingIntervalMs?: number
  /** Whether WebSocket messages may be compressed (RFC 7692). This costs memory for each connection. @defaultValue `'off'` */
  readonly compression?: 'off' | 'on'
  /** The timers. @defaultValue the platform's */
  readonly runtime?: Partial<Runtime>
}
