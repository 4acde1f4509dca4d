import { Deque } from '../deque.ts'
import type { Frame } from './frame.ts'

/** What to do with events that their reader takes too slowly: see `slowConsumer` of the options. */
export type SlowConsumerPolicy = 'disconnect' | 'drop-oldest' | 'latest'

/** Frames that wait for one connection, in order, while its output is above the high-water mark. */
export interface WaitingFrames {
  readonly byteLength: number
  readonly size: number
  readonly oldest: Frame | undefined
  readonly newest: Frame | undefined
  add(frame: Frame): void
  /** Takes the oldest frame out. */
  shift(): Frame | undefined
}

export function createWaitingFrames(policy: SlowConsumerPolicy): WaitingFrames {
  return policy === 'latest' ? new LatestFrames() : new FifoFrames()
}

class FifoFrames implements WaitingFrames {
  byteLength = 0
  readonly #frames = new Deque<Frame>()

  get size(): number {
    return this.#frames.size
  }

  get oldest(): Frame | undefined {
    return this.#frames.oldest
  }

  get newest(): Frame | undefined {
    return this.#frames.newest
  }

  add(frame: Frame): void {
    this.#frames.push(frame)
    this.byteLength += frame.bytes.byteLength
  }

  shift(): Frame | undefined {
    const frame = this.#frames.shift()
    if (frame !== undefined) this.byteLength -= frame.bytes.byteLength
    return frame
  }
}

// A Map keeps the order of insertion: a frame that takes the place of an older one of its key goes to the end.
class LatestFrames implements WaitingFrames {
  byteLength = 0
  newest: Frame | undefined = undefined
  readonly #frames = new Map<string, Frame>()

  get size(): number {
    return this.#frames.size
  }

  get oldest(): Frame | undefined {
    return this.#frames.values().next().value
  }

  add(frame: Frame): void {
    const older = this.#frames.get(frame.key)
    if (older !== undefined) {
      this.#frames.delete(frame.key)
      this.byteLength -= older.bytes.byteLength
    }
    this.#frames.set(frame.key, frame)
    this.byteLength += frame.bytes.byteLength
    this.newest = frame
  }

  shift(): Frame | undefined {
    const frame = this.oldest
    if (frame === undefined) return undefined
    this.#frames.delete(frame.key)
    this.byteLength -= frame.bytes.byteLength
    if (this.#frames.size === 0) this.newest = undefined
    return frame
  }
}
