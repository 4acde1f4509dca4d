import { endSink } from './byte-sink.ts'
import type { ByteSink, ByteSinkListener, SharedBytes } from './byte-sink.ts'
import { joinBytes } from './frame.ts'
import type { Batch, Frame } from './frame.ts'
import { beatsPerInterval } from './heartbeat.ts'
import type { Beating } from './heartbeat.ts'
import type { Scheduler } from './scheduler.ts'
import type { Flushable } from './turn.ts'
import type { Gap } from '../wire-contract/reserved-events.ts'
import { createWaitingFrames } from './waiting-frames.ts'
import type { SlowConsumerPolicy, WaitingFrames } from './waiting-frames.ts'

/**
 * Why a connection ended.
 *
 * - `client`: the client left, or the network took it.
 * - `server`: the server closed the stream, or its source came to its end.
 * - `slow-consumer`: more than `maxBufferedBytes` waited, or nothing drained for `stallTimeoutMs`.
 * - `expired`: the authorization ran out, or the connection's greatest age was reached.
 * - `drain`: the hub is closing.
 * - `error`: the source failed.
 */
export type CloseReason = 'client' | 'server' | 'slow-consumer' | 'expired' | 'drain' | 'error'

/** What all connections of one hub, or one connection on its own, go by. Checked before it comes here. */
export interface FrameQueueSettings {
  readonly scheduler: Scheduler
  readonly maxBufferedBytes: number
  readonly slowConsumer: SlowConsumerPolicy
  readonly stallTimeoutMs: number
  /** 0: no heartbeat. */
  readonly heartbeatIntervalMs: number
  /** The next heartbeat, or null to leave this one out. Must not throw. */
  readonly heartbeatFrame: () => Frame | null
  /** The frame that announces dropped events; null if they are not announced. Must not throw. */
  readonly gapFrame: (gap: Gap, position: string | undefined) => Frame | null
  /** Must not throw. */
  readonly onError: (error: unknown) => void
}

/**
 * How a connection ends after what was sent: cleanly, or broken off, so that no reader takes what was sent for the whole.
 */
export type Ending = 'close' | 'cut'

export interface FrameQueueOwner {
  /** There is room again. */
  drained(): void
  /** The connection is gone. Called exactly once. */
  closed(reason: CloseReason): void
  /** The server is about to stop: the connection should be ended. */
  stopping(): void
  /** The limit of what may wait was reached, `blockedMs` after the output had room for the last time. */
  overflowed?(bufferedBytes: number, blockedMs: number): void
}

// What is written at once: enough that a write's fixed cost vanishes, and little enough that a reader's progress shows.
const greatestWriteBytes = 65_536

/**
 * The frames on their way to one connection.
 *
 *     push --> batch --(end of turn)--> sink          while the output has room
 *     push --> waiting --(drained)----> sink          while it has not: bounded, and under the slow-consumer policy
 */
export class FrameQueue implements ByteSinkListener, Beating, Flushable {
  readonly #sink: ByteSink
  readonly #settings: FrameQueueSettings
  readonly #owner: FrameQueueOwner
  #batch: Batch | null = null
  // Not null exactly while the output is above its high-water mark.
  #waiting: WaitingFrames | null = null
  #blockedAt = 0
  #reason: CloseReason | null = null
  #ending: Ending = 'close'
  #gone = false
  #quietBeats = 0
  #stallTimer: unknown = undefined
  // The ids that a `stream.gap` needs: of the last frame that left, and of the last one dropped since then.
  #lastId: string | undefined = undefined
  #dropped: { id: string | undefined } | null = null

  constructor(sink: ByteSink, settings: FrameQueueSettings, owner: FrameQueueOwner) {
    this.#sink = sink
    this.#settings = settings
    this.#owner = owner
    if (settings.heartbeatIntervalMs > 0)
      settings.scheduler.heartbeats.add(settings.heartbeatIntervalMs, this)
  }

  get isOpen(): boolean {
    return this.#reason === null && !this.#gone
  }

  get isBlocked(): boolean {
    return this.#waiting !== null
  }

  get bufferedBytes(): number {
    return this.#sink.bufferedBytes + (this.#waiting?.byteLength ?? 0) + (this.#batch?.byteLength ?? 0)
  }

  /** @returns whether the frame was taken: false once the connection is closing. */
  push(frame: Frame): boolean {
    if (!this.isOpen) return false
    if (this.#waiting !== null) return this.#wait(this.#waiting, frame)
    const { turn } = this.#settings.scheduler
    if (this.#batch === null) turn.flushAtEnd(this)
    this.#batch = (this.#batch ?? turn.root).with(frame)
    this.#lastId = frame.id ?? this.#lastId
    if (this.#batch.byteLength >= Math.min(greatestWriteBytes, this.#settings.maxBufferedBytes)) this.flush()
    return true
  }

  /** Ends the connection after what waits. */
  close(reason: CloseReason, ending: Ending = 'close'): boolean {
    if (!this.isOpen) return false
    this.flush()
    this.#reason = reason
    this.#ending = ending
    this.#stopHeartbeats()
    if (this.#waiting === null) this.#closeSink()
    return true
  }

  /** Ends the connection without the frames that wait: its reader may not have them any more. */
  revoke(reason: CloseReason, ending: Ending = 'close'): boolean {
    if (!this.isOpen) return false
    this.#reason = reason
    this.#ending = ending
    this.#batch = null
    this.#waiting = null
    this.#stopHeartbeats()
    this.#closeSink()
    return true
  }

  /** Ends the connection now; what waits is thrown away. */
  abort(reason: CloseReason): void {
    if (this.#gone) return
    this.#reason ??= reason
    this.#batch = null
    this.#waiting = null
    this.#stopHeartbeats()
    this.#stopStallTimer()
    this.#sink.abort()
  }

  flush(): void {
    const batch = this.#batch
    this.#batch = null
    if (batch === null || this.#write(batch)) return
    this.#waiting = createWaitingFrames(this.#settings.slowConsumer)
    this.#blockedAt = this.#settings.scheduler.runtime.now()
  }

  beat(): void {
    // Backed up: whether the reader still lives is the stall timer's question.
    if (this.#waiting !== null) return
    this.#quietBeats += 1
    if (this.#quietBeats <= beatsPerInterval) return
    const frame = this.#settings.heartbeatFrame()
    if (frame !== null) this.push(frame)
  }

  drained(): void {
    const waiting = this.#waiting
    if (waiting === null) return
    this.#stopStallTimer()
    while (waiting.size > 0) {
      if (!this.#write(this.#take(waiting))) return
    }
    this.#waiting = null
    if (this.#reason !== null) this.#closeSink()
    else this.#owner.drained()
  }

  stopping(): void {
    if (this.isOpen) this.#owner.stopping()
  }

  closed(): void {
    if (this.#gone) return
    this.#gone = true
    this.#reason ??= 'client'
    this.#batch = null
    this.#waiting = null
    this.#stopHeartbeats()
    this.#stopStallTimer()
    this.#owner.closed(this.#reason)
  }

  #write(shared: SharedBytes): boolean {
    this.#quietBeats = 0
    try {
      if (this.#sink.write(shared)) return true
    } catch (error) {
      this.#fail(error)
      return true
    }
    this.#startStallTimer()
    return false
  }

  /** An output that throws has no place among those that are written to in one turn: the others go on. */
  #fail(error: unknown): void {
    const { onError } = this.#settings
    onError(error)
    try {
      this.abort('error')
    } catch (cause) {
      onError(cause)
    }
    // Whether it still says so itself cannot be relied on.
    this.closed()
  }

  #wait(waiting: WaitingFrames, frame: Frame): boolean {
    const { maxBufferedBytes, slowConsumer } = this.#settings
    if (slowConsumer === 'disconnect') {
      // Checked before the frame is added: one that is larger than the limit can still reach a reader that keeps up.
      if (this.bufferedBytes >= maxBufferedBytes) {
        const blockedMs = this.#settings.scheduler.runtime.now() - this.#blockedAt
        this.#owner.overflowed?.(this.bufferedBytes, blockedMs)
        this.abort('slow-consumer')
        return false
      }
      waiting.add(frame)
      return true
    }
    waiting.add(frame)
    // What the output holds already is not counted: to drop for it would leave nothing of what is newest.
    while (waiting.byteLength > maxBufferedBytes && waiting.size > 1) {
      this.#dropped = { id: waiting.shift()?.id ?? this.#dropped?.id }
    }
    return true
  }

  #take(waiting: WaitingFrames): SharedBytes {
    const parts: Uint8Array[] = []
    if (this.#dropped !== null) {
      const position = this.#dropped.id ?? this.#lastId
      const gap = {
        reason: 'dropped',
        requested: this.#lastId ?? null,
        earliest: waiting.oldest?.id ?? null,
        latest: waiting.newest?.id ?? null,
      } as const
      const frame = this.#settings.gapFrame(gap, position)
      if (frame !== null) parts.push(frame.bytes)
      this.#dropped = null
    }
    let byteLength = 0
    do {
      const frame = waiting.shift()
      if (frame === undefined) break
      parts.push(frame.bytes)
      byteLength += frame.bytes.byteLength
      this.#lastId = frame.id ?? this.#lastId
    } while (byteLength < greatestWriteBytes)
    return joinBytes(parts)
  }

  #closeSink(): void {
    // A reader that has stopped may never take the end.
    this.#startStallTimer()
    if (this.#ending === 'close') this.#sink.close()
    // One turn later: an output that sends head and content in one (Bun's) would throw both away.
    else this.#settings.scheduler.runtime.endOfTurn(() => this.#cutSink())
  }

  #cutSink(): void {
    if (!this.#gone) endSink(this.#sink, 'cut')
  }

  #startStallTimer(): void {
    const { scheduler, stallTimeoutMs } = this.#settings
    if (stallTimeoutMs === 0 || this.#stallTimer !== undefined) return
    this.#stallTimer = scheduler.runtime.setTimeout(() => {
      this.#stallTimer = undefined
      this.abort('slow-consumer')
    }, stallTimeoutMs)
  }

  #stopStallTimer(): void {
    if (this.#stallTimer === undefined) return
    this.#settings.scheduler.runtime.clearTimeout(this.#stallTimer)
    this.#stallTimer = undefined
  }

  #stopHeartbeats(): void {
    const { scheduler, heartbeatIntervalMs } = this.#settings
    if (heartbeatIntervalMs > 0) scheduler.heartbeats.delete(heartbeatIntervalMs, this)
  }
}
