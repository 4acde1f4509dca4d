import type { ByteSink, ByteSinkListener, ByteSource, SharedBytes } from '@sse-toolkit/sse-server'
import { byteSourceSymbol } from '@sse-toolkit/sse-server'

const decoder = new TextDecoder()

/** The first block of a response that has nothing else to say in it. */
export const mark = ': sse-toolkit 1\n\n'

/** The event that a client gets when a source fails. */
export const failed =
  'event: stream.error\ndata: {"message":"The source failed"}\n\nevent: stream.end\ndata: {"reason":"failed"}\n\n'

/** An output that keeps what is written, and takes as much as the test says. */
export class RecordingSink implements ByteSink {
  readonly writes: SharedBytes[] = []
  ended: 'close' | 'abort' | 'cut' | undefined = undefined
  bufferedBytes = 0
  /** While false, what is written stays buffered. */
  reading = true
  #listener: ByteSinkListener | undefined

  write(shared: SharedBytes): boolean {
    this.writes.push(shared)
    if (this.reading) return true
    this.bufferedBytes += shared.bytes.byteLength
    return false
  }

  close(): void {
    this.ended ??= 'close'
    if (this.reading) queueMicrotask(() => this.leave())
  }

  cut(): void {
    this.ended ??= 'cut'
    if (this.reading) queueMicrotask(() => this.leave())
  }

  abort(): void {
    this.ended = 'abort'
    queueMicrotask(() => this.leave())
  }

  attachTo(source: ByteSource): this {
    return this.listenWith(source.attach(this))
  }

  listenWith(listener: ByteSinkListener): this {
    this.#listener = listener
    return this
  }

  /** The reader takes what is buffered, and goes on reading. */
  resume(): void {
    this.reading = true
    this.drainOnce()
    if (this.ended === 'close' || this.ended === 'cut') queueMicrotask(() => this.leave())
  }

  /** The reader takes what is buffered now. */
  drainOnce(): void {
    this.bufferedBytes = 0
    this.#listener?.drained()
  }

  /** The server is about to stop. */
  stop(): void {
    this.#listener?.stopping?.()
  }

  /** The client goes away. */
  leave(): void {
    const listener = this.#listener
    this.#listener = undefined
    listener?.closed()
  }

  get text(): string {
    return this.writes.map((shared) => decoder.decode(shared.bytes)).join('')
  }
}

/** What a server that knows our symbol does with a response. */
export function attach(response: Response, sink: RecordingSink = new RecordingSink()): RecordingSink {
  return sink.attachTo(Reflect.get(response, byteSourceSymbol) as ByteSource)
}
