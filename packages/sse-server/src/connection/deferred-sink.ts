import { endSink } from './byte-sink.ts'
import type { ByteSink, ByteSinkListener, SharedBytes } from './byte-sink.ts'

// As the outputs' own high-water marks.
const highWaterMarkBytes = 65_536

/** An output that is not there yet: it keeps what is written, up to its high-water mark, until the real one comes. */
export class DeferredSink implements ByteSink {
  readonly #onEnd: () => void
  #held: SharedBytes[] = []
  #heldBytes = 0
  #target: ByteSink | null = null
  #ended: 'close' | 'abort' | 'cut' | null = null

  /** @param onEnd - called when the stream ends before the real output has come. */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd
  }

  write(shared: SharedBytes): boolean {
    if (this.#ended !== null) return false
    if (this.#target !== null) return this.#target.write(shared)
    this.#held.push(shared)
    this.#heldBytes += shared.bytes.byteLength
    return this.#heldBytes < highWaterMarkBytes
  }

  get bufferedBytes(): number {
    return this.#target?.bufferedBytes ?? this.#heldBytes
  }

  close(): void {
    this.#end('close')
  }

  abort(): void {
    this.#end('abort')
  }

  cut(): void {
    this.#end('cut')
  }

  /** Passes what was kept to the real output, and all that follows. */
  connect(target: ByteSink, listener: ByteSinkListener): void {
    let room = true
    for (const shared of this.#held) room = target.write(shared)
    const wasFull = this.#heldBytes >= highWaterMarkBytes
    this.#held = []
    this.#heldBytes = 0
    this.#target = target
    if (this.#ended !== null) endSink(target, this.#ended)
    // Without room the target says itself when it has drained.
    else if (wasFull && room) listener.drained()
  }

  #end(how: 'close' | 'abort' | 'cut'): void {
    if (this.#target !== null) {
      endSink(this.#target, how)
      return
    }
    this.#ended = how
    this.#onEnd()
  }
}
