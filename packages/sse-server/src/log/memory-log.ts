import { HubClosedError } from '../errors/hub-closed-error.ts'
import { TopicEndedError } from '../errors/topic-ended-error.ts'
import { checkOptionNames } from '../option-names.ts'
import type { OptionNames } from '../option-names.ts'
import { durationOption, limitOption } from '../options.ts'
import { systemRuntime } from '../runtime.ts'
import type { Runtime } from '../runtime.ts'
import { checkTopic } from '../topics/topic.ts'
import type { TopicPattern } from '../topics/topic-pattern.ts'
import { createEpoch } from '../wire-contract/event-id.ts'
import type { Position } from '../wire-contract/event-id.ts'
import type {
  EventLog,
  LogEntry,
  LoggedEvent,
  LogPage,
  LogTailListener,
  TopicState,
  TopicStatus,
} from './event-log.ts'
import { EventStore } from './event-store.ts'
import { FiniteStates } from './finite-states.ts'
import { LogTails } from './log-tails.ts'

/** How much a {@link memoryLog} holds. Whichever limit is reached first evicts the oldest events. */
export interface MemoryLogOptions {
  /** Events in all. @defaultValue 10 000 */
  readonly maxEvents?: number | undefined
  /** Events of one topic. @defaultValue no limit but `maxEvents` */
  readonly maxEventsPerTopic?: number | undefined
  /** Length of all data together, in UTF-16 code units (of one byte or two). @defaultValue 64 Mi */
  readonly maxDataLength?: number | undefined
  /** Milliseconds for which an event is kept. @defaultValue 600 000, ten minutes. 0 is for ever. */
  readonly maxAgeMs?: number | undefined
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
  runtime: true,
}

class MemoryLog implements EventLog {
  readonly #epoch: string
  readonly #events: EventStore
  readonly #finite: FiniteStates
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
    this.#events = new EventStore({
      runtime,
      maxEvents: limitOption('maxEvents', options.maxEvents, 10_000),
      maxEventsPerTopic: limitOption('maxEventsPerTopic', options.maxEventsPerTopic, none),
      maxDataLength: limitOption('maxDataLength', options.maxDataLength, 67_108_864),
      maxAgeMs: durationOption('maxAgeMs', options.maxAgeMs, 600_000),
      isEnding: (entry) => entry === this.#finite.endingOf(entry.topic),
    })
    this.#epoch = createEpoch(runtime)
  }

  async append(event: LoggedEvent): Promise<Position> {
    const state = this.#stateOf(event.topic)
    if (state === 'ended' || state === 'expired') throw new TopicEndedError(event.topic)
    return this.#append(event, () => undefined)
  }

  async claim(topic: string): Promise<TopicState> {
    const state = this.#stateOf(topic)
    if (this.#closed) throw new HubClosedError()
    if (state !== 'open') return state
    this.#finite.run(topic)
    this.#events.begin(topic)
    return state
  }

  async end(event: LoggedEvent, ttlMs: number): Promise<Position | undefined> {
    const state = this.#stateOf(event.topic)
    if (state === 'ended' || state === 'expired') return undefined
    return this.#append(event, (ending) => this.#finite.end(ending, ttlMs))
  }

  async cancel(topic: string): Promise<TopicState> {
    const state = this.#stateOf(topic)
    if (state === 'running') this.#tails.notify((listener) => listener.cancelled(topic))
    return state
  }

  async status(topic: string): Promise<TopicStatus> {
    this.#check(topic)
    return this.#finite.statusOf(topic)
  }

  async read(patterns: readonly TopicPattern[], after: number, limit: number): Promise<LogPage> {
    const page = await this.#events.read(patterns, after, limit)
    // Of a page that is cut, up to where it reaches.
    const upTo = page.more ? (page.entries.at(-1)?.position.seq ?? after) : Number.POSITIVE_INFINITY
    const endings = this.#heldEndings(patterns).filter(
      ({ position }) => position.seq > after && position.seq <= upTo,
    )
    if (endings.length === 0) return page
    const entries = [...page.entries, ...endings].toSorted((a, b) => a.position.seq - b.position.seq)
    return { ...page, entries: entries.slice(0, limit), more: page.more || entries.length > limit }
  }

  /** What a topic ends with is held until the topic expires: without it a reader would wait for ever. */
  #heldEndings(patterns: readonly TopicPattern[]): readonly LogEntry[] {
    return [...new Set(patterns.map(({ text }) => text))]
      .filter((topic) => !this.#events.has(topic))
      .flatMap((topic) => this.#finite.endingOf(topic) ?? [])
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

  #append(event: LoggedEvent, stored: (entry: LogEntry) => void): Position {
    if (this.#closed) throw new HubClosedError()
    const position = { epoch: this.#epoch, seq: (this.#seq += 1) }
    const entry: LogEntry = { ...event, position }
    this.#events.append(entry)
    stored(entry)
    this.#tails.notify((listener) => listener.appended(entry))
    return position
  }
}
