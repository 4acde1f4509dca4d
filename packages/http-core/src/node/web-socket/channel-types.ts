import type { ChannelError } from '../../errors/channel-error.ts'
import type { HttpError } from '../../errors/http-error.ts'
import type { Runtime } from '../../runtime.ts'

/** `'http'`: one response, sent at once (long polling) or piece by piece (streaming). */
export type ChannelKind = 'http' | 'websocket'

/**
 * - `'server-close'`: this side closed it: `close()`, a send that closes, the stop of the server, a limit.
 * - `'client-close'`: an HTTP client went away.
 * - `'normal'` (1000), `'going-away'` (1001), `'protocol-error'` (1002, 1007), `'unsupported'` (1003),
 *   `'message-too-big'` (1009): how a WebSocket ended, by the client's word or by its fault.
 * - `'unknown'`: any other code, and a connection that broke (1006).
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
 * What can be sent. Text and bytes are sent at once. A Blob (a file: `await openAsBlob(path)` of node:fs), a web stream, or
 * another async iterable of text or bytes, such as a stream of Node, is read at the pace of the client; what is sent
 * behind it waits for its end.
 */
export type ChannelContent =
  | string
  | ArrayBuffer
  | ArrayBufferView<ArrayBuffer>
  | Blob
  | ReadableStream<Uint8Array<ArrayBuffer>>
  | AsyncIterable<string | Uint8Array<ArrayBuffer>>

/** Content, or for the first send over HTTP the head with it. A WebSocket has no head: there status and fields are ignored. */
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
  /** Whether this is the last. @defaultValue true over HTTP, where it makes a whole response; false on a WebSocket */
  readonly close?: boolean
}

/** One client, however it is connected. */
export interface Channel {
  readonly kind: ChannelKind
  readonly isOpen: boolean
  /** The subprotocol that was chosen; undefined without one, and over HTTP. */
  readonly protocol: string | undefined
  /** Bytes that were sent and that the connection has not taken yet; what a Blob or a stream has not given yet is not among them. */
  readonly bufferedBytes: number
  /**
   * Sends. False if the channel is closed, or closes because more than `maxBufferedBytes` wait; content that would have been
   * read is cancelled. Over HTTP content becomes part of the body. On a WebSocket text is a text message, bytes are a
   * binary one, and so is a Blob or a stream, which is sent in fragments; an iterable whose first piece is text is a text
   * message. If reading fails, the channel breaks off, so that the client cannot take the part for the whole: over HTTP
   * the connection is cut, a WebSocket is closed with 1011.
   *
   * @throws {@link ChannelError} `code: 'head-sent'` for status or fields that come after the first send over HTTP: nothing
   *   of the message is sent, and the channel stays open.
   * @throws TypeError for anything else, such as an object that should be JSON; nothing is sent then.
   */
  send(message: ChannelMessage, options?: SendOptions): boolean
  /** Resolves when the connection has taken most of what was sent, or is gone. Awaited before each send, it bounds memory. */
  ready(): Promise<void>
  /** Closes cleanly, after what has been sent. True if this call closed it, false if it was closed before. */
  close(): boolean
  /** Calls once with how it ended; at once if it has ended already. */
  onClose(listener: (status: ChannelCloseStatus) => unknown): void
  /** Takes the place of `receive` for the messages to come. */
  onReceive(listener: NonNullable<ChannelHooks['receive']>): void
  /** Takes the place of `ping` for the pings to come. */
  onPing(listener: NonNullable<ChannelHooks['ping']>): void
}

/**
 * The events of a channel that a handler can react to. Hooks other than `init` may be asynchronous; only `receive` is waited for. An error that one throws, or
 * rejects with, closes the channel and reaches the server's logger; over HTTP, before the first send, the client gets 500
 * (or the status of an HttpError, which is not logged). On another host it is written to the console.
 */
export interface ChannelHooks {
  /**
   * Before anything is sent, once it is certain that the channel opens: over HTTP at once; for a WebSocket behind all
   * middlewares, right before the handshake. What it throws at once is the request's failure: an HttpError its answer. If it
   * returns, `close` follows exactly once, whatever becomes of the request: the place to take what `close` gives back.
   */
  readonly init?: (channel: Channel) => void
  /** The channel can be sent to. Over HTTP it may stay without a send as long as the handler likes. */
  readonly open?: (channel: Channel) => unknown
  /** A message of a WebSocket: text as a string, else bytes. While a promise is pending, nothing more is read. */
  readonly receive?: (channel: Channel, message: string | Uint8Array<ArrayBuffer>) => void | Promise<void>
  /** A ping of a WebSocket; the pong has been sent. */
  readonly ping?: (channel: Channel, data: Uint8Array) => unknown
  /**
   * Called once, whichever side closed it; also if a middleware answered the request otherwise, which only a server of this package
   * can tell. Not if `init` threw, or was never called.
   */
  readonly close?: (channel: Channel, status: ChannelCloseStatus) => unknown
  /**
   * The request asked for a WebSocket wrongly (a {@link ChannelError}; else the client gets 400), from an origin that may not
   * (an {@link HttpError} of 403), or in another version (426). What it returns is the answer in place of that.
   */
  readonly handshakeFailed?: (error: ChannelError | HttpError) => Response | void
}

/** See {@link channel}. */
export interface ChannelOptions {
  /** `'websocket'`: other requests get 426. `'http'`: a WebSocket handshake is a GET like any other. @defaultValue `'any'` */
  readonly accepts?: 'any' | 'websocket' | 'http'
  /** The subprotocols that are spoken: the first of the client's that is one of them. @defaultValue none is chosen */
  readonly protocols?: readonly string[]
  /** Whether a client that offers none of `protocols` is refused with 400. @defaultValue `'optional'` */
  readonly protocol?: 'optional' | 'required'
  /**
   * Which pages may open a WebSocket; others get 403. The browser's own rules do not hold for WebSockets, and cookies are
   * sent along. `'same'` (the default): those of the request's own origin; `'*'`: all; else a list or a function.
   * A client that sends no Origin is not a page: it is let in, unless a function, which is called with `undefined`, decides
   * otherwise. A function must answer `true` or `false` at once: a promise, or
   * any other answer, is an error, and the client gets 500.
   */
  readonly origin?: 'same' | '*' | readonly string[] | ((origin: string | undefined) => boolean)
  /** A message of a WebSocket, in bytes; a longer one closes it with 1009. @defaultValue 1 048 576 */
  readonly maxMessageBytes?: number
  /** Fragments of a message of a WebSocket; then it is closed with 1008, as `'message-too-big'`. @defaultValue 16 384 */
  readonly maxFragments?: number
  /**
   * Pongs that may wait for a client that sends pings and does not read; then the connection is ended.
   *
   * @defaultValue 60
   */
  readonly maxPendingPongs?: number
  /** What may wait for a client that reads slowly, in bytes; then the channel is closed, a WebSocket with 1013. @defaultValue 1 048 576 */
  readonly maxBufferedBytes?: number
  /**
   * How often a WebSocket is sent a ping, in milliseconds; one that has not answered by the next is gone. While `receive` is
   * at work, no answer is read, and none is missed.
   *
   * @defaultValue 30 000; 0: never
   */
  readonly pingIntervalMs?: number
  /** Whether messages of a WebSocket may be compressed (RFC 7692), for which each connection pays in memory. @defaultValue `'off'` */
  readonly compression?: 'off' | 'on'
  /** The timers. @defaultValue the platform's */
  readonly runtime?: Partial<Runtime>
}
