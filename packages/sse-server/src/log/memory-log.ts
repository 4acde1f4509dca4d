import { HubClosedError } from '../errors/hub-closed-error.ts'
import { TopicEndedError } from '../errors/topic-ended-error.ts'
import { TopicNotClaimedError } from '../errors/topic-not-claimed-error.ts'
import { TopicFullError } from '../errors/topic-full-error.ts'
import { checkOptionNames } from '../option-names.ts'
import type { OptionNames } from '../option-names.ts'
import { durationOption, limitOption } from '../options.ts'
import { systemRuntime } from '../runtime.ts'
import type { Runtime } from '../runtime.ts'
import { checkTopic } from '../topics/topic.ts'
import type { TopicPattern } from '../topics/topic-pattern.ts'
import { createEpoch } from '../wire-contract/event-id.ts'
import type { Position } from '../wire-contract/event-id.ts'
import { checkBatch } from './check-batch.ts'
import { ControlEntries } from './control-entries.ts'
import type {
  Appended,
  AppendOptions,
  ControlEntry,
  ControlOptions,
  EventLog,
  LogEntry,
  LoggedEvent,
  LogPage,
  LogTailListener,
  ProducerSequence,
  TopicState,
  TopicStatus,
} from './event-log.ts'
import { EventStore } from './event-store.ts'
import type { EventStoreOptions } from './event-store.ts'
import { FiniteStates } from './finite-states.ts'
import { heldBytesOf } from './held-bytes.ts'
import { LogTails } from './log-tails.ts'
import { ProducerStates } from './producer-states.ts'

/** How much a {@link memoryLog} holds. Whichever limit is reached first evicts the oldest events. */
export interface MemoryLogOptions {
  /** Events in all. @defaultValue 10 000 */
  readonly maxEvents?: number | undefined
  /** Events of one topic. @defaultValue no limit but `maxEvents` */
  readonly maxEventsPerTopic?: number | undefined
  /** Length of all data together, in UTF-16 code units (of one byte or two). @defaultValue 64 Mi */
  readonly maxDataLength?: number | undefined
  /** Milliseconds for which an event is kept. @defaultValue 600 000, ten minutes. 0 is forever. */
  readonly maxAgeMs?: number | undefined
  /**
   * Bytes that a running or ended topic may hold: its data in UTF-8, and 64 for each event. They come on top of the limits
   * above, which do not concern such a topic. Its producer gets {@link TopicFullError}.
   *
   * @defaultValue 8 MiB
   */
  readonly maxHeldBytesPerTopic?: number | undefined
  /**
   * The same for all running and ended topics together. Where it is reached, ended topics expire, the oldest first, and then
   * producers get {@link TopicFullError}.
   *
   * @defaultValue 64 MiB
   */
  readonly maxHeldBytes?: number | undefined
  /** Producers whose numbers are known, each with its last 1024 batches. @defaultValue 100 000 */
  readonly maxProducers?: number | undefined
  /** Milliseconds for which a producer that publishes nothing is known. @defaultValue 86 400 000, a day */
  readonly producerTtlMs?: number | undefined
  /** Clock, timers and chance, for tests and simulations. @defaultValue the host's */
  readonly runtime?: Runtime | undefined
}

/**
 * A log in the memory of one process.
 *
 * Besides events it remembers names, each bounded: of topics whose events are gone what they have lost (16 MiB of names, and
 * 6 MiB for all others), and of 100 000 finite topics that their time is over.
 *
 * @throws {@link OptionError}
 */
export function memoryLog(options: MemoryLogOptions = {}): EventLog {
  return new MemoryLog(options)
}

const memoryLogOptionNames: OptionNames<MemoryLogOptions> = {
  maxEvents: true,
  maxEventsPerTopic: true,
  maxDataLength: true,
  maxAgeMs: true,
  maxHeldBytesPerTopic: true,
  maxHeldBytes: true,
  maxProducers: true,
  producerTtlMs: true,
  runtime: true,
}

class MemoryLog implements EventLog {
  readonly #epoch: string
  readonly #events: EventStore
  readonly #finite: FiniteStates
  readonly #limits: Pick<EventStoreOptions, 'maxHeldBytesPerTopic' | 'maxHeldBytes'>
  readonly #producers: ProducerStates
  readonly #controls: ControlEntries
  readonly #tails = new LogTails()
  #seq = 0
  #closed = false

  constructor(options: MemoryLogOptions) {
    checkOptionNames(options, memoryLogOptionNames)
    const { runtime = systemRuntime } = options
    const none = Number.POSITIVE_INFINITY
    this.#finite = new FiniteStates(runtime, ({ topic, position }) =>
      this.#events.evictTopic(topic, position.seq),
    )
    this.#limits = {
      maxHeldBytesPerTopic: limitOption('maxHeldBytesPerTopic', options.maxHeldBytesPerTopic, 8_388_608),
      maxHeldBytes: limitOption('maxHeldBytes', options.maxHeldBytes, 67_108_864),
    }
    this.#producers = new ProducerStates({
      runtime,
      maxProducers: limitOption('maxProducers', options.maxProducers, 100_000),
      ttlMs: durationOption('producerTtlMs', options.producerTtlMs, 86_400_000),
    })
    this.#controls = new ControlEntries(runtime)
    this.#events = new EventStore({
      ...this.#limits,
      runtime,
      maxEvents: limitOption('maxEvents', options.maxEvents, 10_000),
      maxEventsPerTopic: limitOption('maxEventsPerTopic', options.maxEventsPerTopic, none),
      maxDataLength: limitOption('maxDataLength', options.maxDataLength, 67_108_864),
      maxAgeMs: durationOption('maxAgeMs', options.maxAgeMs, 600_000),
    })
    this.#epoch = createEpoch(runtime)
  }

  async append(event: LoggedEvent, options: AppendOptions = {}): Promise<Position> {
    const { topic } = event
    if (this.#takes(topic) === 'running') this.#checkRoom(topic, [event])
    else if (options.onlyIfClaimed === true) throw new TopicNotClaimedError(topic)
    return this.#append(event).position
  }

  async appendBatch(events: readonly LoggedEvent[], producer?: ProducerSequence): Promise<Appended> {
    const topic = checkBatch(events)
    this.#check(topic)
    // Before all else: what was stored once is not refused when it is repeated.
    const first = producer && this.#producers.find(topic, producer)
    if (first !== undefined) return { position: { epoch: this.#epoch, seq: first }, stored: false }
    if (this.#takes(topic) === 'running') this.#checkRoom(topic, events)
    const position = { epoch: this.#epoch, seq: this.#seq + events.length }
    // Before any tail is notified: its listener may publish the same batch again.
    if (producer !== undefined) this.#producers.store(topic, producer, position.seq)
    this.#appendAll(events)
    return { position, stored: true }
  }

  async claim(topic: string): Promise<TopicState> {
    const state = this.#stateOf(topic)
    if (this.#closed) throw new HubClosedError()
    if (state !== 'open') return state
    this.#finite.run(topic)
    this.#events.begin(topic)
    this.#events.hold(topic)
    return state
  }

  async end(
    event: LoggedEvent,
    ttlMs: number,
    before: readonly LoggedEvent[] = [],
  ): Promise<Position | undefined> {
    const { topic } = event
    const state = this.#stateOf(topic)
    if (state === 'ended' || state === 'expired') return undefined
    if (this.#closed) throw new HubClosedError()
    this.#events.hold(topic)
    this.#makeRoom(topic, [...before, event])
    return this.#appendAll([...before, event], (ending) => this.#finite.end(ending, ttlMs)).position
  }

  async cancel(topic: string): Promise<TopicState> {
    const state = this.#stateOf(topic)
    if (state === 'running') this.#tails.notify((listener) => listener.cancelled(topic))
    return state
  }

  async status(topic: string): Promise<TopicStatus> {
    this.#check(topic)
    const state = this.#finite.stateOf(topic)
    const endSeq = this.#finite.endingOf(topic)?.position.seq
    return { state, endSeq, lastSeq: this.#events.lastSeqOf(topic) }
  }

  read(patterns: readonly TopicPattern[], after: number, limit: number): Promise<LogPage> {
    return this.#events.read(patterns, after, limit)
  }

  async control(name: string, value: string, { ttlMs, notify = true }: ControlOptions): Promise<void> {
    if (this.#closed) throw new HubClosedError()
    this.#controls.set(name, value, ttlMs)
    if (notify) this.#tails.notify((listener) => listener.controlled?.({ name, value, ageMs: 0 }))
  }

  async controls(prefix: string): Promise<readonly ControlEntry[]> {
    return this.#controls.list(prefix)
  }

  tail(listener: LogTailListener): () => void {
    return this.#tails.add(listener)
  }

  async head(): Promise<Position> {
    return { epoch: this.#epoch, seq: this.#seq }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#tails.clear()
    this.#events.close()
    this.#finite.close()
  }

  /** @throws {@link TopicError} */
  #stateOf(topic: string): TopicState {
    this.#check(topic)
    return this.#finite.stateOf(topic)
  }

  #check(topic: string): void {
    // A name under which something is held has been checked before.
    if (!this.#events.has(topic)) checkTopic(topic)
  }

  /** @returns the state of a topic that takes events. @throws {@link TopicEndedError} if it does not. */
  #takes(topic: string): TopicState {
    const state = this.#stateOf(topic)
    if (state === 'ended' || state === 'expired') throw new TopicEndedError(topic)
    if (this.#closed) throw new HubClosedError()
    return state
  }

  /** @throws {@link TopicFullError} */
  #checkRoom(topic: string, events: readonly LoggedEvent[]): void {
    const exceeded = this.#makeRoom(topic, events)
    if (exceeded !== undefined) throw new TopicFullError(topic, exceeded, this.#limits[exceeded])
  }

  /** Where all held topics together hold too much, the ended ones expire. @returns the limit that is exceeded all the same. */
  #makeRoom(topic: string, events: readonly LoggedEvent[]): TopicFullError['option'] | undefined {
    const bytes = events.reduce((sum, event) => sum + heldBytesOf(event), 0)
    for (;;) {
      const exceeded = this.#events.limitExceededBy(topic, bytes)
      if (exceeded !== 'maxHeldBytes' || !this.#finite.expireOldest()) return exceeded
    }
  }

  /** All are stored before anybody is notified of the first. @returns the last. */
  #appendAll(events: readonly LoggedEvent[], stored?: (last: LogEntry) => void): LogEntry {
    const entries = events.map((event) => this.#store(event))
    const last = entries.at(-1) as LogEntry
    stored?.(last)
    this.#tails.notify(...entries.map((entry) => (listener: LogTailListener) => listener.appended(entry)))
    return last
  }

  #append(event: LoggedEvent): LogEntry {
    const entry = this.#store(event)
    this.#tails.notify((listener) => listener.appended(entry))
    return entry
  }

  #store({ topic, event, data, key }: LoggedEvent): LogEntry {
    const position = { epoch: this.#epoch, seq: (this.#seq += 1) }
    const entry: LogEntry = { topic, event, data, key, position }
    this.#events.append(entry)
    return entry
  }
}
