import type { ByteSink } from './byte-sink.ts'
import { callListener } from '../callbacks.ts'
import { BufferOverflowError } from '../errors/buffer-overflow-error.ts'
import type { ServerSentEvent } from '../format/event.ts'
import { commentFrame, eventFrame } from './frame.ts'
import type { Frame } from './frame.ts'
import { FrameQueue } from './frame-queue.ts'
import type { CloseReason, Ending } from './frame-queue.ts'
import { endEvent, failureEvent } from '../wire-contract/reserved-events.ts'
import type { EndReason, Gap } from '../wire-contract/reserved-events.ts'
import type { EventStreamSetup, FirstEventListener } from './event-stream-options.ts'
import { validateEvent } from '../format/typed-events.ts'
import type { EventOf, EventSchemas } from '../format/typed-events.ts'
import { looksLikePosition, opaqueIds } from '../wire-contract/first-block.ts'

/** How one event is treated on its way, besides its content. */
export interface SendOptions {
  /** Under the policy `latest`: the event takes the place of a waiting one of the same key. @defaultValue the event type */
  readonly key?: string | undefined
}

/** An open event stream to one client. */
export interface EventStream<Schemas extends EventSchemas = EventSchemas> {
  /**
   * Sends one event. All that is sent during one turn of the event loop leaves as one write.
   *
   * @returns false if the stream is closed, and the event went nowhere. True says that it was taken, not that it has
   *   arrived: see {@link ready}.
   * This call never waits: events that you send faster than the client reads wait in memory, up to `maxBufferedBytes`. If you
   * send much at once, such as a snapshot, await {@link ready} between the events, or the stream ends as `slow-consumer`.
   *
   * @throws {@link EventFieldError} if the event cannot be formatted, or its schema refuses it. The stream stays open.
   */
  send(event: EventOf<Schemas>, options?: SendOptions): boolean
  /**
   * Sends a comment.
   *
   * @returns false if the stream is closed.
   */
  comment(text?: string): boolean
  /**
   * Resolves when there is room: true at once while what is buffered is below the output's high-water mark, else when
   * it has drained; false when the stream is closed. It always settles.
   *
   * @example
   * ```ts ignore
   * while (await stream.ready()) stream.send({ data: await nextRow() })
   * ```
   */
  ready(): Promise<boolean>
  /** Ends the stream, after what was sent. Closing twice does nothing. */
  close(): void
  /** Resolves when the connection is gone. Never rejects. */
  readonly closed: Promise<CloseReason>
  /** Aborts when the connection is gone. */
  readonly signal: AbortSignal
  /** Bytes that were sent and not yet handed to the operating system. */
  readonly bufferedBytes: number
  /** The id the client asks to go on after; undefined if it asks for nothing. */
  readonly lastEventId: string | undefined
}

// A reader whose buffer has filled up sooner than this was not slow: more was sent than anybody takes in that time.
const slowAfterMs = 1000

/** The stream as this package holds it: its users see {@link EventStream}. */
export class Connection<Schemas extends EventSchemas = EventSchemas> implements EventStream<Schemas> {
  readonly queue: FrameQueue
  readonly lastEventId: string | undefined
  readonly #setup: EventStreamSetup
  #firstEvent: FirstEventListener | null
  #closeReason: CloseReason | null = null
  #hasOpaqueIds = false
  #isSequence = false
  // Made when asked for: a connection that only waits should not pay for them.
  #aborter: AbortController | null = null
  #closed: PromiseWithResolvers<CloseReason> | null = null
  #ready: PromiseWithResolvers<boolean> | null = null

  constructor(sink: ByteSink, setup: EventStreamSetup) {
    this.#setup = setup
    this.#firstEvent = setup.firstEvent ?? null
    this.lastEventId = setup.lastEventId
    this.queue = new FrameQueue(sink, setup.settings, {
      drained: () => this.#settleReady(true),
      closed: (reason) => this.#end(reason),
      stopping: () => this.#endEarly('drain'),
      overflowed: (bufferedBytes, blockedMs) => {
        const { maxBufferedBytes, reportOverflow } = setup.settings
        if (blockedMs < slowAfterMs) reportOverflow(new BufferOverflowError(bufferedBytes, maxBufferedBytes))
      },
    })
    const { signal } = setup.options
    if (signal?.aborted) this.#onAbort()
    else signal?.addEventListener('abort', this.#onAbort)
  }

  send(event: EventOf<Schemas>, options?: SendOptions): boolean {
    if (!this.queue.isOpen) return false
    const { events, validate } = this.#setup.options
    const plain: ServerSentEvent = event
    if (events !== undefined && validate === 'on-send') validateEvent(events, plain)
    const frame = eventFrame(plain, options?.key)
    const { wireContract } = this.#setup.settings
    if (!this.#hasOpaqueIds && wireContract !== 'off' && looksLikePosition(plain.id)) {
      this.#hasOpaqueIds = true
      this.queue.push(commentFrame(opaqueIds))
    }
    return this.pushFrame(frame)
  }

  pushFrame(frame: Frame): boolean {
    const taken = this.queue.push(frame)
    this.#firstEvent?.sent()
    this.#firstEvent = null
    return taken
  }

  /**
   * Ends the stream, after what was sent, because its source failed. What a source throws once the connection is gone
   * follows from that: the AbortError of a `fetch` that was given the stream's signal, for one.
   */
  fail(error: unknown): void {
    if (this.#closeReason !== null) return
    if (this.#firstEvent === null) this.#setup.settings.onError(error)
    else this.#firstEvent.failed(error)
    this.#firstEvent = null
    if (!this.queue.isOpen) return
    this.#close('error', this.#tellFailure(error))
  }

  /** Says that events of a hub's log are missing, as far as the stream follows the contract. */
  announceGap(gap: Gap, position: string): void {
    const frame = this.#setup.settings.gapFrame(gap, position)
    if (frame !== null) this.pushFrame(frame)
  }

  /** Says that the producer of a hub's topic failed, as far as the stream follows the contract. */
  announceFailure(topic: string, message: string): void {
    if (this.#setup.settings.wireContract === 'full') this.pushFrame(eventFrame(failureEvent(topic, message)))
  }

  /** Ends the stream with its topics: broken off where the reader could not tell that they are not whole. */
  endTopics(topic: string, reason: EndReason): void {
    const isTold = this.#setup.settings.wireContract === 'full'
    if (isTold) this.pushFrame(eventFrame(endEvent(topic, reason)))
    const isWhole = reason === 'completed' || reason === 'cancelled'
    this.#close('server', isTold || isWhole ? 'close' : 'cut')
  }

  /** Ends the stream so that no reader takes what was sent for the whole. */
  breakOff(reason: CloseReason): void {
    this.#close(reason, 'cut')
  }

  /** A sequence is being read. If the stream ends before the sequence does, it is broken off. */
  followSequence(): void {
    this.#isSequence = true
  }

  comment(text?: string): boolean {
    return this.queue.isOpen && this.queue.push(commentFrame(text))
  }

  /** What {@link ready} resolves to, where it resolves at once. */
  get isReady(): boolean {
    return this.queue.isOpen && !this.queue.isBlocked
  }

  ready(): Promise<boolean> {
    if (!this.queue.isOpen || this.isReady) return Promise.resolve(this.isReady)
    this.#ready ??= Promise.withResolvers()
    return this.#ready.promise
  }

  close(): void {
    this.#close('server', 'close')
  }

  get closed(): Promise<CloseReason> {
    if (this.#closed === null) {
      this.#closed = Promise.withResolvers()
      if (this.#closeReason !== null) this.#closed.resolve(this.#closeReason)
    }
    return this.#closed.promise
  }

  get signal(): AbortSignal {
    if (this.#aborter === null) {
      this.#aborter = new AbortController()
      if (this.#closeReason !== null) this.#aborter.abort()
    }
    return this.#aborter.signal
  }

  get bufferedBytes(): number {
    return this.queue.bufferedBytes
  }

  readonly #onAbort = (): void => {
    this.#endEarly('server')
  }

  #endEarly(reason: CloseReason): void {
    this.#close(reason, this.#isSequence ? 'cut' : 'close')
  }

  #close(reason: CloseReason, ending: Ending): void {
    if (this.queue.close(reason, ending)) this.#settleReady(false)
  }

  /** Never both: a reader that got the event needs no broken transfer, and would reconnect because of it. */
  #tellFailure(error: unknown): Ending {
    const { sourceFailure, settings } = this.#setup
    if (sourceFailure === 'end') return 'close'
    if (sourceFailure === 'break') return 'cut'
    if (sourceFailure === 'announce') {
      this.queue.push(eventFrame(failureEvent(undefined, 'The source failed')))
      this.queue.push(eventFrame(endEvent(undefined, 'failed')))
      return 'close'
    }
    try {
      const event = sourceFailure(error)
      if (event === null) return 'cut'
      this.queue.push(eventFrame(event))
      return 'close'
    } catch (cause) {
      settings.onError(cause)
      return 'cut'
    }
  }

  #settleReady(room: boolean): void {
    this.#ready?.resolve(room)
    this.#ready = null
  }

  #end(reason: CloseReason): void {
    const { options, settings } = this.#setup
    this.#closeReason = reason
    options.signal?.removeEventListener('abort', this.#onAbort)
    this.#settleReady(false)
    this.#closed?.resolve(reason)
    this.#aborter?.abort()
    callListener(() => options.onClose?.(reason), settings.onError)
  }
}
