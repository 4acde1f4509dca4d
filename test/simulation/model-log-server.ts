import {
  checkBatch,
  heldBytesOf,
  maxPageLength,
  ProducerSequenceError,
  TopicEndedError,
  TopicNotClaimedError,
  TopicFullError,
} from '@sse-toolkit/sse-server'
import type {
  Appended,
  ControlEntry,
  LogEntry,
  LoggedEvent,
  LogPage,
  Position,
  ProducerSequence,
  TopicState,
  TopicStatus,
} from '@sse-toolkit/sse-server'
import { isTopicOf, isWildcard } from './topic-match.ts'
import type { Timer, VirtualTime } from './virtual-time.ts'

/** The notifications of a shared log's server to its subscribers. Each may be lost. */
export type Notification =
  | { readonly type: 'appended'; readonly entry: LogEntry; readonly previousSeq: number }
  | { readonly type: 'cancelled'; readonly topic: string }
  /** `version`: of the control entries that are kept, which rises with each. */
  | { readonly type: 'controlled'; readonly entry: ControlEntry; readonly version: number }

interface Topic {
  /** All that its name reaches. */
  kept: LogEntry[]
  evictedUpTo: number
  /** Up to where patterns do not reach what is kept. */
  hiddenUpTo: number
  state: TopicState
  /** The process that runs it. */
  owner: symbol | undefined
  ending: LogEntry | undefined
  expiry: Timer | undefined
}

interface Producer {
  readonly epoch: number
  readonly results: readonly Position[]
}

interface KeptControl {
  readonly value: string
  readonly atMs: number
  readonly ttlMs: number
}

export interface ModelLogServerOptions {
  readonly time: VirtualTime
  /** Names the next epoch. */
  readonly createEpoch: () => string
  readonly maxEvents: number
  readonly maxEventsPerTopic: number
  readonly maxHeldBytesPerTopic?: number | undefined
  readonly maxHeldBytes?: number | undefined
  readonly onEpoch: (epoch: string) => void
  /** `state`: of its topic, when the entry comes. */
  readonly onStored: (entry: LogEntry, state: TopicState) => void
}

/**
 * The state of a shared log, as a Redis holds it for many processes: each call is one atomic step. Its memory is lost
 * with it; what reaches it, and what it says, goes over connections that fail (`model-log.ts`).
 */
export class ModelLogServer {
  readonly #options: ModelLogServerOptions
  readonly #subscribers = new Set<(notification: Notification) => void>()
  #epoch = ''
  #seq = 0
  #all: LogEntry[] = []
  #topics = new Map<string, Topic>()
  #producers = new Map<string, Producer>()
  #controls = new Map<string, KeptControl>()
  #controlVersion = 0

  constructor(options: ModelLogServerOptions) {
    this.#options = options
    this.#begin()
  }

  /** It comes back empty. */
  restart(): void {
    for (const { expiry } of this.#topics.values()) if (expiry !== undefined) this.#options.time.clear(expiry)
    this.#begin()
  }

  get head(): Position {
    return { epoch: this.#epoch, seq: this.#seq }
  }

  get size(): number {
    return this.#all.length
  }

  /** Rises with each control entry that is kept. */
  get controlVersion(): number {
    return this.#controlVersion
  }

  subscribe(listener: (notification: Notification) => void): () => void {
    this.#subscribers.add(listener)
    return () => this.#subscribers.delete(listener)
  }

  /** @param claimedBy - the process that must run the topic, if one must. */
  append(event: LoggedEvent, claimedBy?: symbol): Position {
    const { state, owner } = this.#topicOf(event.topic)
    const isOver = state === 'ended' || state === 'expired'
    if (claimedBy !== undefined && !isOver && owner !== claimedBy) throw new TopicNotClaimedError(event.topic)
    return this.appendBatch([event]).position
  }

  appendBatch(events: readonly LoggedEvent[], producer?: ProducerSequence): Appended {
    const name = checkBatch(events)
    const key = producer && JSON.stringify([name, producer.id])
    const known = key === undefined ? undefined : this.#producers.get(key)
    const repeated = producer && this.#repeated(producer, known)
    if (repeated !== undefined) return { position: repeated, stored: false }
    const topic = this.#topicOf(name)
    if (topic.state === 'ended' || topic.state === 'expired') throw new TopicEndedError(name)
    if (topic.state === 'running') this.#checkRoom(name, topic, events)
    const position = this.#store(events, topic).position
    if (key !== undefined && producer !== undefined) {
      const before = known?.epoch === producer.epoch ? known.results : []
      this.#producers.set(key, { epoch: producer.epoch, results: [...before, position] })
    }
    return { position, stored: true }
  }

  claim(name: string, owner: symbol): TopicState {
    const topic = this.#topicOf(name)
    const { state } = topic
    if (state !== 'open') return state
    topic.state = 'running'
    topic.owner = owner
    return state
  }

  end(event: LoggedEvent, ttlMs: number, before: readonly LoggedEvent[] = []): Position | undefined {
    const topic = this.#topicOf(event.topic)
    if (topic.state === 'ended' || topic.state === 'expired') return undefined
    topic.state = 'ended'
    topic.ending = this.#store([...before, event], topic)
    topic.expiry = this.#options.time.after(ttlMs, () => this.#expire(topic))
    return topic.ending.position
  }

  cancel(name: string): TopicState {
    const { state } = this.#topicOf(name)
    if (state === 'running') this.#tell({ type: 'cancelled', topic: name })
    return state
  }

  status(name: string): TopicStatus {
    const { state, ending, kept, evictedUpTo } = this.#topicOf(name)
    const endSeq = state === 'ended' ? ending?.position.seq : undefined
    return { state, endSeq, lastSeq: kept.at(-1)?.position.seq ?? evictedUpTo }
  }

  read(patterns: readonly string[], after: number, limit: number): LogPage {
    const names = new Set(patterns.filter((pattern) => !isWildcard(pattern)))
    const wildcards = patterns.filter(isWildcard)
    const isMatched = (topic: string): boolean => wildcards.some((pattern) => isTopicOf(pattern, topic))
    const found: LogEntry[] = []
    let evictedUpTo = 0
    for (const [name, topic] of this.#topics) {
      const isNamed = names.has(name)
      if (!isNamed && !isMatched(name)) continue
      const gone = isNamed ? topic.evictedUpTo : Math.max(topic.evictedUpTo, topic.hiddenUpTo)
      evictedUpTo = Math.max(evictedUpTo, gone)
      for (const entry of topic.kept)
        if (entry.position.seq > after && (isNamed || entry.position.seq > topic.hiddenUpTo))
          found.push(entry)
    }
    found.sort((a, b) => a.position.seq - b.position.seq)
    let [count, length] = [0, 0]
    for (const { data } of found) {
      length += data.length
      if (count === limit || (count > 0 && length > maxPageLength)) break
      count += 1
    }
    return { entries: found.slice(0, count), more: found.length > count, evictedUpTo }
  }

  control(name: string, value: string, ttlMs: number, notify: boolean): void {
    this.#controls.delete(name)
    if (ttlMs > 0) this.#controls.set(name, { value, atMs: this.#options.time.nowMs, ttlMs })
    if (!notify) return
    this.#controlVersion += 1
    this.#tell({ type: 'controlled', entry: { name, value, ageMs: 0 }, version: this.#controlVersion })
  }

  controls(prefix: string): readonly ControlEntry[] {
    const { nowMs } = this.#options.time
    return [...this.#controls]
      .filter(([name, { atMs, ttlMs }]) => name.startsWith(prefix) && nowMs - atMs < ttlMs)
      .map(([name, { value, atMs }]) => ({ name, value, ageMs: nowMs - atMs }))
  }

  #begin(): void {
    this.#epoch = this.#options.createEpoch()
    this.#seq = 0
    this.#all = []
    this.#topics = new Map()
    this.#producers = new Map()
    this.#controls = new Map()
    this.#options.onEpoch(this.#epoch)
  }

  #topicOf(name: string): Topic {
    let topic = this.#topics.get(name)
    if (topic === undefined) {
      topic = {
        kept: [],
        evictedUpTo: 0,
        hiddenUpTo: 0,
        state: 'open',
        owner: undefined,
        ending: undefined,
        expiry: undefined,
      }
      this.#topics.set(name, topic)
    }
    return topic
  }

  /** The position that a repeat had the first time. */
  #repeated(producer: ProducerSequence, known: Producer | undefined): Position | undefined {
    const { epoch, seq } = producer
    if (known !== undefined && epoch < known.epoch) {
      const expected = { epoch: known.epoch, seq: known.results.length }
      throw new ProducerSequenceError('stale-producer', producer, expected)
    }
    const results = known?.epoch === epoch ? known.results : []
    if (seq > results.length)
      throw new ProducerSequenceError('sequence-gap', producer, { epoch, seq: results.length })
    return results[seq]
  }

  #checkRoom(name: string, topic: Topic, events: readonly LoggedEvent[]): void {
    const { maxHeldBytesPerTopic = Number.POSITIVE_INFINITY, maxHeldBytes = Number.POSITIVE_INFINITY } =
      this.#options
    const bytes = sumOf(events)
    if (sumOf(topic.kept) + bytes > maxHeldBytesPerTopic)
      throw new TopicFullError(name, 'maxHeldBytesPerTopic', maxHeldBytesPerTopic)
    for (;;) {
      const finite = [...this.#topics.values()].filter(
        ({ state }) => state === 'running' || state === 'ended',
      )
      if (finite.reduce((sum, { kept }) => sum + sumOf(kept), 0) + bytes <= maxHeldBytes) return
      const [oldest] = finite
        .filter(({ state }) => state === 'ended')
        .toSorted((a, b) => Number(a.ending?.position.seq) - Number(b.ending?.position.seq))
      if (oldest === undefined) throw new TopicFullError(name, 'maxHeldBytes', maxHeldBytes)
      if (oldest.expiry !== undefined) this.#options.time.clear(oldest.expiry)
      this.#expire(oldest)
    }
  }

  /** @returns the last. */
  #store(events: readonly LoggedEvent[], topic: Topic): LogEntry {
    const first = this.#seq
    // By any amount, as the contract has it; within a batch by one.
    this.#seq += first % 3
    const entries = events.map(({ topic: name, event, data, key }) => {
      this.#seq += 1
      return { topic: name, event, data, key, position: { epoch: this.#epoch, seq: this.#seq } }
    })
    let previousSeq = first
    for (const entry of entries) {
      topic.kept.push(entry)
      this.#all.push(entry)
      this.#options.onStored(entry, topic.state)
      if (topic.state === 'open' && topic.kept.length > this.#options.maxEventsPerTopic) this.#evict(topic)
      const oldest = this.#all[0]
      if (this.#all.length > this.#options.maxEvents && oldest !== undefined)
        this.#evict(this.#topicOf(oldest.topic))
    }
    for (const entry of entries) {
      this.#tell({ type: 'appended', entry, previousSeq })
      previousSeq = entry.position.seq
    }
    return entries.at(-1) as LogEntry
  }

  /** Lets go of a topic's oldest event; of a finite topic only patterns lose it. */
  #evict(topic: Topic): void {
    const isHeld = topic.state === 'running' || topic.state === 'ended'
    const oldest = topic.kept.find(({ position }) => position.seq > topic.hiddenUpTo)
    if (oldest === undefined) return
    this.#all.splice(this.#all.indexOf(oldest), 1)
    if (isHeld) topic.hiddenUpTo = oldest.position.seq
    else this.#drop(topic)
  }

  #drop(topic: Topic): void {
    const entry = topic.kept.shift()
    if (entry !== undefined) topic.evictedUpTo = entry.position.seq
  }

  #expire(topic: Topic): void {
    topic.state = 'expired'
    this.#all = this.#all.filter((entry) => !topic.kept.includes(entry))
    while (topic.kept.length > 0) this.#drop(topic)
    topic.ending = undefined
  }

  #tell(notification: Notification): void {
    for (const subscriber of this.#subscribers) subscriber(notification)
  }
}

function sumOf(events: readonly LoggedEvent[]): number {
  return events.reduce((sum, event) => sum + heldBytesOf(event), 0)
}
