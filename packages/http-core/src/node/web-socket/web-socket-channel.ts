import type { WebSocket } from 'ws'
import { checkRequired } from '../../options/check-options.ts'
import type { Runtime } from '../../runtime.ts'
import { callListener } from '../../thenable.ts'
import type {
  Channel,
  ChannelCloseStatus,
  ChannelHooks,
  ChannelMessage,
  SendOptions,
} from './channel-types.ts'
import { CloseOnce } from './close-once.ts'
import { closedError } from './http-channel.ts'
import { readMessage } from './message-content.ts'
import type { ContentSource } from './message-content.ts'
import { SendQueue } from './send-queue.ts'

/** `ready()` resolves when no more than this is waiting. */
const lowWaterMarkBytes = 65_536
/** How long the client may take to answer the server's close frame. */
const closeTimeoutMs = 5000

const goingAway = 1001
const internalError = 1011
const tryAgainLater = 1013

const byCode: ReadonlyMap<number, ChannelCloseStatus> = new Map([
  [1000, 'normal'],
  [1001, 'going-away'],
  [1002, 'protocol-error'],
  [1003, 'unsupported'],
  // A close frame without a code.
  [1005, 'normal'],
  [1007, 'protocol-error'],
  [1009, 'message-too-big'],
])

/** The error codes of ws for a message with too many bytes or too many fragments. */
const tooBig = new Set(['WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', 'WS_ERR_TOO_MANY_BUFFERED_PARTS'])

/** The settings of a {@link WebSocketChannel}. */
export interface WebSocketChannelSettings {
  readonly maxBufferedBytes: number
  readonly pingIntervalMs: number
  readonly runtime: Pick<Runtime, 'setTimeout' | 'clearTimeout'>
  /** Receives the error if a hook throws or rejects. */
  readonly failed: (error: unknown) => void
}

/**
 * A channel on a WebSocket. The channel exists before its connection, because `init` runs right before the handshake.
 *
 * Messages are delivered one at a time. While `receive` is at work, the channel does not read from the connection, and TCP
 * makes the client wait.
 */
export class WebSocketChannel implements Channel {
  readonly kind = 'websocket'
  readonly #hooks: ChannelHooks
  readonly #settings: WebSocketChannelSettings
  readonly #end: CloseOnce
  #receive: ChannelHooks['receive']
  #ping: ChannelHooks['ping']
  #socket: WebSocket | undefined
  #fate: ChannelCloseStatus | undefined
  #timer: unknown
  readonly #queue: SendQueue
  #isAlive = true
  /** The server has closed the channel, but earlier messages may still be waiting. */
  #isClosing = false
  /** Whether the close frame has been sent, or will not be sent at all. */
  #isCloseSent = false
  #room: PromiseWithResolvers<void> | undefined
  /** Settles when `receive` is done with the last message that has arrived; undefined if it is done already. */
  #delivery: Promise<void> | undefined

  constructor(hooks: ChannelHooks, settings: WebSocketChannelSettings) {
    this.#hooks = hooks
    this.#receive = hooks.receive
    this.#ping = hooks.ping
    this.#settings = settings
    this.#end = new CloseOnce(settings.failed)
    this.#queue = new SendQueue((error) => {
      this.failed(error)
    })
    this.#end.onClose((status) => hooks.close?.(this, status))
  }

  get isOpen(): boolean {
    return this.#socket !== undefined && !this.#isClosing && !this.#end.isClosed
  }

  get protocol(): string | undefined {
    return this.#socket?.protocol === '' ? undefined : this.#socket?.protocol
  }

  get bufferedBytes(): number {
    return (this.#socket?.bufferedAmount ?? 0) + this.#queue.waitingBytes
  }

  /** Called when the handshake is done. */
  opened(socket: WebSocket): void {
    this.#socket = socket
    const { open } = this.#hooks
    socket
      .on('message', (data: Buffer, isBinary: boolean) => {
        this.#isAlive = true
        this.#deliver(isBinary ? new Uint8Array(data) : data.toString('utf8'))
      })
      .on('ping', (data: Buffer) => {
        this.#isAlive = true
        void this.#try(() => this.#ping?.(this, new Uint8Array(data)))
      })
      .on('pong', () => {
        this.#isAlive = true
      })
      .on('error', (error: Error & { code?: string }) => {
        // ws answers a protocol error with its close code, and the client may never send a close frame itself.
        if (error.code?.startsWith('WS_ERR_') !== true) return
        this.#fate = tooBig.has(error.code) ? 'message-too-big' : 'protocol-error'
      })
      .once('close', (code: number) => {
        this.#settings.runtime.clearTimeout(this.#timer)
        this.#room?.resolve()
        this.#room = undefined
        this.#queue.clear(closedError())
        this.#end.settle(this.#fate ?? byCode.get(code) ?? 'unknown')
      })
    this.#schedulePing()
    void this.#try(() => open?.(this))
  }

  /** Called after the handshake. If it failed, the channel ends, so that `close` releases what `init` acquired. */
  settleUnlessOpened(): void {
    if (this.#socket === undefined) this.#end.settle('unknown')
  }

  #deliver(message: string | Uint8Array<ArrayBuffer>): void {
    if (this.#receive === undefined || this.#isClosing) return
    // Reads `#receive` only when the message's turn has come, because `onReceive` may replace it.
    const run = (): Promise<void> | undefined => this.#try(() => this.#receive?.(this, message))
    const delivery = this.#delivery === undefined ? run() : this.#delivery.then(run)
    if (delivery !== undefined) void this.#readOnAfter(delivery)
  }

  async #readOnAfter(delivery: Promise<void>): Promise<void> {
    this.#delivery = delivery
    // Messages that ws has already parsed still arrive. They wait for their turn.
    this.#socket?.pause()
    await delivery
    if (this.#delivery !== delivery) return
    this.#delivery = undefined
    this.#socket?.resume()
  }

  send(message: ChannelMessage, { close = false }: SendOptions = {}): boolean {
    const { bytes, source } = readMessage(message)
    if (!this.isOpen) {
      source?.cancel(closedError())
      return false
    }
    if (bytes !== undefined) this.#add(bytes)
    else if (source !== undefined) this.#addSource(source)
    if (this.bufferedBytes > this.#settings.maxBufferedBytes) {
      this.#closeWith(tryAgainLater)
      // Do not wait for the close frame: it would be sent after the waiting bytes, which the client does not read.
      this.#socket?.terminate()
      return false
    }
    if (close) this.close()
    return true
  }

  async ready(): Promise<void> {
    await this.#queue.idle()
    await this.#hasRoom()
  }

  close(): boolean {
    if (!this.isOpen) return false
    this.#isClosing = true
    this.#queue.add({
      bytes: 0,
      send: () => {
        this.#closeWith(1000)
      },
    })
    return true
  }

  onReceive(listener: NonNullable<ChannelHooks['receive']>): void {
    checkRequired('listener', listener)
    this.#receive = listener
  }

  onPing(listener: NonNullable<ChannelHooks['ping']>): void {
    checkRequired('listener', listener)
    this.#ping = listener
  }

  onClose(listener: (status: ChannelCloseStatus) => unknown): void {
    this.#end.onClose(listener)
  }

  /** Closes the WebSocket with 1001, because the server stops. */
  end(): void {
    if (!this.#isCloseSent) this.#closeWith(goingAway)
  }

  #add(message: string | Uint8Array<ArrayBuffer>): void {
    this.#queue.add({
      bytes: Buffer.byteLength(message),
      send: () => {
        this.#write(message, { binary: typeof message !== 'string', fin: true })
      },
    })
  }

  #addSource(source: ContentSource): void {
    this.#queue.add({
      bytes: 0,
      send: () => this.#sendAll(source),
      cancel: (reason) => {
        source.cancel(reason)
      },
    })
  }

  /** Sends one message in fragments. The client gets the message whole or not at all (RFC 6455 section 5.4). */
  async #sendAll(source: ContentSource): Promise<void> {
    let binary: boolean | undefined
    for (;;) {
      await this.#hasRoom()
      const piece = await source.read()
      if (this.#isCloseSent || this.#end.isClosed) return
      if (piece === undefined) {
        this.#write('', { binary: binary ?? true, fin: true })
        return
      }
      binary ??= typeof piece !== 'string'
      if (binary === (typeof piece === 'string')) {
        throw new TypeError('A stream sent on a WebSocket: expected text or Uint8Arrays, got both.')
      }
      this.#write(piece, { binary, fin: false })
    }
  }

  #write(
    data: string | Uint8Array<ArrayBuffer>,
    options: { readonly binary: boolean; readonly fin: boolean },
  ): void {
    this.#socket?.send(data, options, () => {
      // An error means that the connection failed, and 'close' follows.
      this.#drained()
    })
  }

  async #hasRoom(): Promise<void> {
    const waiting = this.#socket?.bufferedAmount ?? 0
    if (this.#isCloseSent || this.#end.isClosed || waiting <= lowWaterMarkBytes) return
    this.#room ??= Promise.withResolvers()
    await this.#room.promise
  }

  #closeWith(code: number): void {
    const { runtime } = this.#settings
    this.#isCloseSent = true
    this.#queue.clear(closedError())
    this.#fate ??= 'server-close'
    this.#isClosing = true
    runtime.clearTimeout(this.#timer)
    this.#timer = runtime.setTimeout(() => this.#socket?.terminate(), closeTimeoutMs)
    this.#socket?.close(code)
  }

  #drained(): void {
    if ((this.#socket?.bufferedAmount ?? 0) > lowWaterMarkBytes) return
    this.#room?.resolve()
    this.#room = undefined
  }

  #schedulePing(): void {
    const { pingIntervalMs, runtime } = this.#settings
    if (pingIntervalMs === 0) return
    this.#timer = runtime.setTimeout(() => {
      // While the channel does not read, it sees no pong, so silence does not mean that the client is gone.
      if (this.#delivery === undefined) {
        if (!this.#isAlive) {
          this.#socket?.terminate()
          return
        }
        this.#isAlive = false
      }
      this.#socket?.ping()
      this.#schedulePing()
    }, pingIntervalMs)
  }

  /** Runs a hook. If the hook throws or rejects, the channel closes. */
  #try(hook: () => unknown): Promise<void> | undefined {
    return callListener(hook, (error) => {
      this.failed(error)
    })
  }

  /** Reports the error of a hook, and closes the channel. */
  failed(error: unknown): void {
    this.#settings.failed(error)
    if (this.#socket !== undefined && !this.#isCloseSent && !this.#end.isClosed)
      this.#closeWith(internalError)
  }
}
