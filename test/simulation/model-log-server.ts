import { TopicEndedError } from '@sse-toolkit/sse-server'
import type {
  LogEntry,
  LoggedEvent,
  LogPage,
  Position,
  TopicState,
  TopicStatus,
} from '@sse-toolkit/sse-server'
import { isTopicOf } from './topic-match.ts'
import type { Timer, VirtualTime } from './virtual-time.ts'

/** What a server of a shared log tells those who subscribe to it. Each may be lost. */
export type Notification =
  | { readonly type: 'appended'; readonly entry: LogEntry; readonly previousSeq: number }
  | { readonly type: 'cancelled'; readonly topic: string }

interface Topic {
  held: LogEntry[]
  evictedUpTo: number
  state: TopicState
  ending: LogEntry | undefined
  expiry: Timer | undefined
}

export interface ModelLogServerOptions {
  readonly time: VirtualTime
  /** Names the next epoch. */
  readonly createEpoch: () => string
  readonly maxEvents: number
  readonly maxEventsPerTopic: number
  readonly onEpoch: (epoch: string) => void
  readonly onStored: (entry: LogEntry) => void
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

  subscribe(listener: (notification: Notification) => void): () => void {
    this.#subscribers.add(listener)
    return () => this.#subscribers.delete(listener)
  }

  append(event: LoggedEvent): Position {
    const topic = this.#topicOf(event.topic)
    if (topic.state === 'ended' || topic.state === 'expired') throw new TopicEndedError(event.topic)
    return this.#store(event, topic).position
  }

  claim(name: string): TopicState {
    const topic = this.#topicOf(name)
    const { state } = topic
    if (state === 'open') topic.state = 'running'
    return state
  }

  end(event: LoggedEvent, ttlMs: number): Position | undefined {
    const topic = this.#topicOf(event.topic)
    if (topic.state === 'ended' || topic.state === 'expired') return undefined
    topic.state = 'ended'
    topic.ending = this.#store(event, topic)
    topic.expiry = this.#options.time.after(ttlMs, () => this.#expire(topic))
    return topic.ending.position
  }

  cancel(name: string): TopicState {
    const { state } = this.#topicOf(name)
    if (state === 'running') this.#tell({ type: 'cancelled', topic: name })
    return state
  }

  status(name: string): TopicStatus {
    const { state, ending } = this.#topicOf(name)
    return { state, endSeq: state === 'ended' ? ending?.position.seq : undefined }
  }

  read(patterns: readonly string[], after: number, limit: number): LogPage {
    const wanted = (topic: string): boolean => patterns.some((pattern) => isTopicOf(pattern, topic))
    const found = this.#all.filter((entry) => entry.position.seq > after && wanted(entry.topic))
    for (const [name, { ending, held }] of this.#topics)
      if (ending !== undefined && !held.includes(ending) && ending.position.seq > after && wanted(name))
        found.push(ending)
    found.sort((a, b) => a.position.seq - b.position.seq)
    let evictedUpTo = 0
    for (const [name, topic] of this.#topics)
      if (wanted(name)) evictedUpTo = Math.max(evictedUpTo, topic.evictedUpTo)
    return { entries: found.slice(0, limit), more: found.length > limit, evictedUpTo }
  }

  #begin(): void {
    this.#epoch = this.#options.createEpoch()
    this.#seq = 0
    this.#all = []
    this.#topics = new Map()
    this.#options.onEpoch(this.#epoch)
  }

  #topicOf(name: string): Topic {
    let topic = this.#topics.get(name)
    if (topic === undefined) {
      topic = { held: [], evictedUpTo: 0, state: 'open', ending: undefined, expiry: undefined }
      this.#topics.set(name, topic)
    }
    return topic
  }

  #store(event: LoggedEvent, topic: Topic): LogEntry {
    const previousSeq = this.#seq
    // By any amount, as the contract has it.
    this.#seq += 1 + (previousSeq % 3)
    const entry = { ...event, position: { epoch: this.#epoch, seq: this.#seq } }
    topic.held.push(entry)
    this.#all.push(entry)
    this.#options.onStored(entry)
    if (topic.held.length > this.#options.maxEventsPerTopic) this.#evict(topic)
    const oldest = this.#all[0]
    if (this.#all.length > this.#options.maxEvents && oldest !== undefined)
      this.#evict(this.#topicOf(oldest.topic))
    this.#tell({ type: 'appended', entry, previousSeq })
    return entry
  }

  #evict(topic: Topic): void {
    const entry = topic.held.shift()
    if (entry === undefined) return
    this.#all.splice(this.#all.indexOf(entry), 1)
    // A topic's end can be read until its time is over.
    if (entry !== topic.ending) topic.evictedUpTo = entry.position.seq
  }

  #expire(topic: Topic): void {
    while (topic.held.length > 0) this.#evict(topic)
    topic.evictedUpTo = topic.ending?.position.seq ?? topic.evictedUpTo
    topic.state = 'expired'
    topic.ending = undefined
  }

  #tell(notification: Notification): void {
    for (const subscriber of this.#subscribers) subscriber(notification)
  }
}
