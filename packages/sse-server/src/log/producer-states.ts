import { ProducerSequenceError } from '../errors/producer-sequence-error.ts'
import { OldestKeys } from '../oldest-keys.ts'
import type { Runtime } from '../runtime.ts'
import type { ProducerSequence } from './event-log.ts'

// Of how many of its last batches a producer's results are known.
const maxResults = 1024

interface ProducerState {
  readonly epoch: number
  /** The `seq`s of what it appended, up to its latest number. */
  readonly results: number[]
  /** The number of the latest. */
  latest: number
  readonly usedAt: number
}

export interface ProducerStatesOptions {
  readonly runtime: Runtime
  readonly maxProducers: number
  readonly ttlMs: number
}

/** What the producers of a log in memory have appended, so that a repeat is stored once. */
export class ProducerStates {
  readonly #options: ProducerStatesOptions
  // In the order of their last use: the first is forgotten first.
  readonly #states = new Map<string, ProducerState>()
  readonly #oldest = new OldestKeys(this.#states)

  constructor(options: ProducerStatesOptions) {
    this.#options = options
  }

  /**
   * @returns the `seq` that a repeat had the first time; undefined for a new batch.
   * @throws {@link ProducerSequenceError}
   */
  find(topic: string, producer: ProducerSequence): number | undefined {
    const state = this.#stateOf(topic, producer)
    const isNew = state === undefined || producer.epoch > state.epoch
    const expected = isNew ? { epoch: producer.epoch, seq: 0 } : { epoch: state.epoch, seq: state.latest + 1 }
    if (producer.epoch < expected.epoch) throw new ProducerSequenceError('stale-producer', producer, expected)
    if (producer.seq > expected.seq) throw new ProducerSequenceError('sequence-gap', producer, expected)
    if (state === undefined || producer.seq === expected.seq) return undefined
    const { results, latest } = state
    return results[results.length - 1 - (latest - producer.seq)] ?? results.at(-1)
  }

  /** What {@link find} did not know has been stored. */
  store(topic: string, producer: ProducerSequence, seq: number): void {
    const { runtime, maxProducers } = this.#options
    const key = keyOf(topic, producer)
    const before = this.#states.get(key)
    const results = before?.epoch === producer.epoch ? before.results : []
    results.push(seq)
    if (results.length >= maxResults * 2) results.splice(0, results.length - maxResults)
    // Again, so that it is the last in order.
    this.#states.delete(key)
    this.#states.set(key, { epoch: producer.epoch, results, latest: producer.seq, usedAt: runtime.now() })
    const oldest = this.#states.size > maxProducers ? this.#oldest.next() : undefined
    if (oldest !== undefined) this.#states.delete(oldest)
  }

  #stateOf(topic: string, producer: ProducerSequence): ProducerState | undefined {
    const { runtime, ttlMs } = this.#options
    const key = keyOf(topic, producer)
    const state = this.#states.get(key)
    if (state === undefined || runtime.now() - state.usedAt < ttlMs) return state
    this.#states.delete(key)
    return undefined
  }
}

/** No topic has a blank in it. */
function keyOf(topic: string, { id }: ProducerSequence): string {
  return `${topic} ${id}`
}
