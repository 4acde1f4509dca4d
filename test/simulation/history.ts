import { parseEventId } from '@sse-toolkit/sse-server'
import type { LogEntry } from '@sse-toolkit/sse-server'

/** One event that was truly stored. */
export interface Fact {
  /** Its place among all facts, from 0, over all epochs. */
  readonly index: number
  readonly id: string
  readonly topic: string
  /** As clients see it: `message` if it has none. */
  readonly type: string
  readonly data: string
  /** Under the policy `latest`. */
  readonly key: string
  readonly atMs: number
  /** What the servers' wall clock showed. */
  readonly wallMs: number
}

/**
 * What was truly stored, in order, whatever anybody says of it.
 *
 * Positions are compared as ranks: the rank of an id is how many facts are at or before its position, so that ids of
 * different epochs, and of no event at all (`<epoch>-0`, a gap's), are on one scale.
 */
export interface History {
  readonly facts: readonly Fact[]
  /** The epoch that the log is in. */
  readonly epoch: string
  /** A log begins, and what was before is lost. */
  begin(epoch: string): void
  store(entry: LogEntry, atMs: number, wallMs: number): void
  at(id: string): Fact | undefined
  /** Undefined for a string that is not an id of this history. */
  rankOf(id: string): number | undefined
}

interface Epoch {
  readonly firstRank: number
  readonly seqs: number[]
}

export function createHistory(): History {
  const facts: Fact[] = []
  const byId = new Map<string, Fact>()
  const epochs = new Map<string, Epoch>()
  let current = ''
  return {
    facts,
    get epoch() {
      return current
    },
    begin(epoch) {
      current = epoch
      epochs.set(epoch, { firstRank: facts.length, seqs: [] })
    },
    store({ topic, event, data, key, position }, atMs, wallMs) {
      const epoch = epochs.get(position.epoch)
      if (epoch === undefined || position.epoch !== current)
        throw new Error(`The log stores in epoch ${position.epoch}, and is in ${current}`)
      if (position.seq <= (epoch.seqs.at(-1) ?? 0))
        throw new Error(`The log stores ${position.seq} after ${epoch.seqs.at(-1)}`)
      const id = `${position.epoch}-${position.seq}`
      const type = event ?? 'message'
      const fact = { index: facts.length, id, topic, type, data, key: key ?? topic, atMs, wallMs }
      epoch.seqs.push(position.seq)
      facts.push(fact)
      byId.set(id, fact)
    },
    at: (id) => byId.get(id),
    rankOf(id) {
      const known = byId.get(id)
      if (known !== undefined) return known.index + 1
      const position = parseEventId(id)
      const epoch = position && epochs.get(position.epoch)
      if (position === undefined || epoch === undefined) return undefined
      let count = 0
      for (const seq of epoch.seqs) {
        if (seq > position.seq) break
        count += 1
      }
      return epoch.firstRank + count
    },
  }
}
