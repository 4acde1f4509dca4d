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

/** Below this `ready()` resolves. */
const lowWaterMarkBytes = 65_536
/** A client that does not answer our close frame. */
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

/** What ws calls messages beyond a limit: of bytes, and of fragments. */
const tooBig = new Set(['WS_ERR_UNSUPPORTED_MESSAGE_LENGTH', 'WS_ERR_TOO_MANY_BUFFERED_PARTS'])

/** What a channel on a WebSocket is made with. */
export interface WebSocketChannelSettings {
  readonly maxBufferedBytes: number
  readonly pingIntervalMs: number
  readonly runtime: Pick<Runtime, 'setTimeout' | 'clearTimeout'>
  /** Told what a hook throws. */
  readonly failed: (error: unknown) => void
}

/**
 * A channel on a WebSocket. It exists before its connection does: `init` runs right before the handshake.
 *
 * What arrives is handed on one by one: while `receive` is at work, the connection is not read, and TCP pushes back.
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
  /** Closed by this side; what was sent before may still be on its way. */
  #isClosing = false
  /** The close frame has been sent, or will never be. */
  #isCloseSent = false
  #room: PromiseWithResolvers<void> | undefined
  /** The last of the messages that are with `receive`, or wait for it. */
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

  /** The handshake is done. */
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
        // ws answers a fault with the close code for it; the client's own word may never come.
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

  /** The handshake has been tried. If it failed, the channel has ended: whatever `init` took can be given back. */
  settleUnlessOpened(): void {
    if (this.#socket === undefined) this.#end.settle('unknown')
  }

  #deliver(message: string | Uint8Array<ArrayBuffer>): void {
    if (this.#receive === undefined || this.#isClosing) return
    // The listener of the moment when the message's turn has come.
    const run = (): Promise<void> | undefined => this.#try(() => this.#receive?.(this, message))
    const delivery = this.#delivery === undefined ? run() : this.#delivery.then(run)
    if (delivery !== undefined) void this.#readOnAfter(delivery)
  }

  async #readOnAfter(delivery: Promise<void>): Promise<void> {
    this.#delivery = delivery
    // What ws has parsed already still comes, and waits its turn.
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
      // What waits would be sent before the close frame, to a client that does not read.
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

  /** The server stops. */
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

  /** One message, in fragments: its reader gets it whole or not at all (RFC 6455 section 5.4). */
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
      // An error here is the connection's, whose 'close' follows.
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
      // While nothing is read, no pong is heard either, and silence proves nothing.
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

  /** Runs a hook; what it throws, now or later, closes the channel. */
  #try(hook: () => unknown): Promise<void> | undefined {
    return callListener(hook, (error) => {
      this.failed(error)
    })
  }

  /** A hook has failed. */
  failed(error: unknown): void {
    this.#settings.failed(error)
    if (this.#socket !== undefined && !this.#isCloseSent && !this.#end.isClosed)
      this.#closeWith(internalError)
  }
}
