import { OldestKeys } from '../oldest-keys.ts'

// What is remembered exactly: about so many bytes, of which a topic takes its name and this.
const maxExactBytes = 16_777_216
const bytesOfEntry = 100

const rowCount = 3
const rowLength = 262_144

/**
 * Up to where topics that no longer hold an event have lost events, so that a reader of one topic gets no gap for another's
 * eviction.
 *
 * The topics forgotten last are remembered by name, within 16 MiB. Older ones are in a table of the greatest marks, by three
 * hashes of the name (6 MiB, made when it is needed):
 *
 *     orders.1 -> | 7 |   | 9 |   |      the mark of a name is the least of its three fields: never too small, and too
 *                 |   | 7 |   | 3 |      great only where all three are shared with topics that lost newer events
 *                 | 9 |   |   | 7 |
 */
export class EvictionMarks {
  readonly #exact = new Map<string, number>()
  readonly #oldest = new OldestKeys(this.#exact)
  #exactBytes = 0
  #table: readonly Float64Array[] | undefined = undefined
  #greatest = 0

  /** The greatest mark that is not known by name: for patterns, whose topics are not known. */
  get greatestUnnamed(): number {
    return this.#greatest
  }

  /** The marks that are known by name. */
  get named(): Iterable<readonly [topic: string, evictedUpTo: number]> {
    return this.#exact
  }

  has(topic: string): boolean {
    return this.#exact.has(topic)
  }

  /** 0 if the topic has lost nothing. */
  get(topic: string): number {
    return this.#exact.get(topic) ?? this.#look(topic)
  }

  set(topic: string, evictedUpTo: number): void {
    if (!this.#exact.has(topic)) this.#exactBytes += bytesOf(topic)
    this.#exact.set(topic, evictedUpTo)
    while (this.#exactBytes > maxExactBytes) {
      const oldest = this.#oldest.next()
      if (oldest === undefined) return
      this.#blur(oldest, this.#exact.get(oldest) ?? 0)
      this.delete(oldest)
    }
  }

  delete(topic: string): void {
    if (this.#exact.delete(topic)) this.#exactBytes -= bytesOf(topic)
  }

  #look(topic: string): number {
    if (this.#table === undefined) return 0
    return Math.min(...this.#table.map((row, index) => row[fieldOf(topic, index)] ?? 0))
  }

  #blur(topic: string, evictedUpTo: number): void {
    this.#table ??= Array.from({ length: rowCount }, () => new Float64Array(rowLength))
    this.#greatest = Math.max(this.#greatest, evictedUpTo)
    for (const [index, row] of this.#table.entries()) {
      const field = fieldOf(topic, index)
      row[field] = Math.max(row[field] ?? 0, evictedUpTo)
    }
  }
}

function bytesOf(topic: string): number {
  return topic.length * 2 + bytesOfEntry
}

/** FNV-1a, begun differently for each row. */
function fieldOf(topic: string, row: number): number {
  let hash = 0x811c9dc5 ^ Math.imul(row + 1, 0x9e3779b1)
  for (let index = 0; index < topic.length; index += 1) {
    hash = Math.imul(hash ^ topic.charCodeAt(index), 0x01000193)
  }
  hash ^= hash >>> 15
  return Math.imul(hash, 0x85ebca6b) >>> 14
}
