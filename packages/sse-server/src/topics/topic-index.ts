import { matchesTokens } from './topic-pattern.ts'
import type { TopicPattern } from './topic-pattern.ts'

/** A pattern, and its members. */
interface PatternRecord<T> {
  readonly pattern: TopicPattern
  readonly members: Set<T>
}

interface TrieNode<T> {
  readonly children: Map<string, TrieNode<T>>
  readonly records: Set<PatternRecord<T>>
}

// How many tokens of a pattern the trie has nodes for. A pattern may have a hundred tokens, each a node of some 300 bytes;
// deeper tokens are compared one by one.
const maxDepth = 4

// How many topics' matches are kept: beyond it all are forgotten, and found again as they are asked for.
const maxCachedTopics = 100_000

/**
 * Which members subscribe to which topic.
 *
 * Exact topics are in a map. Patterns are in a trie of their first tokens:
 *
 *     orders -- * ----- a.b.c.d      records of orders.*.a.b.c.d and orders.*.a.b.x
 *           `-- > -                  record of orders.>
 *
 * Which patterns match a topic is remembered until a pattern comes or goes, so that a publish walks the trie once for each
 * topic, and costs what its matches cost.
 */
export class TopicIndex<T> {
  readonly #exact = new Map<string, Set<T>>()
  readonly #patterns = new Map<string, PatternRecord<T>>()
  readonly #root: TrieNode<T> = createNode()
  readonly #matches = new Map<string, readonly PatternRecord<T>[]>()

  add(pattern: TopicPattern, member: T): void {
    const { text, hasWildcard } = pattern
    if (!hasWildcard) {
      const members = this.#exact.get(text)
      if (members === undefined) this.#exact.set(text, new Set([member]))
      else members.add(member)
      return
    }
    const known = this.#patterns.get(text)
    if (known !== undefined) {
      known.members.add(member)
      return
    }
    const record = { pattern, members: new Set([member]) }
    this.#patterns.set(text, record)
    this.#insert(record)
    this.#matches.clear()
  }

  delete({ text, hasWildcard }: TopicPattern, member: T): void {
    if (!hasWildcard) {
      const members = this.#exact.get(text)
      members?.delete(member)
      if (members?.size === 0) this.#exact.delete(text)
      return
    }
    const record = this.#patterns.get(text)
    record?.members.delete(member)
    if (record === undefined || record.members.size > 0) return
    this.#patterns.delete(text)
    remove(this.#root, record, 0)
    this.#matches.clear()
  }

  /** Calls `visit` for each member that subscribes to the topic: more than once if several of its patterns match. */
  forEach(topic: string, visit: (member: T) => void): void {
    // Sets may lose the member at hand, and gain others, while they are walked.
    const exact = this.#exact.get(topic)
    if (exact !== undefined) for (const member of exact) visit(member)
    if (this.#patterns.size === 0) return
    for (const { members } of this.#matchesOf(topic)) for (const member of members) visit(member)
  }

  /** How many topics and patterns have members. */
  get size(): number {
    return this.#exact.size + this.#patterns.size
  }

  #matchesOf(topic: string): readonly PatternRecord<T>[] {
    const known = this.#matches.get(topic)
    if (known !== undefined) return known
    if (this.#matches.size >= maxCachedTopics) this.#matches.clear()
    const matches: PatternRecord<T>[] = []
    collect(this.#root, topic.split('.'), 0, matches)
    this.#matches.set(topic, matches)
    return matches
  }

  #insert(record: PatternRecord<T>): void {
    let node = this.#root
    for (const token of record.pattern.tokens.slice(0, maxDepth)) {
      let child = node.children.get(token)
      if (child === undefined) {
        child = createNode()
        node.children.set(token, child)
      }
      node = child
    }
    node.records.add(record)
  }
}

function createNode<T>(): TrieNode<T> {
  return { children: new Map(), records: new Set() }
}

/** Takes the record out, and the nodes that only it had. */
function remove<T>(node: TrieNode<T>, record: PatternRecord<T>, depth: number): void {
  const token = depth === maxDepth ? undefined : record.pattern.tokens[depth]
  if (token === undefined) {
    node.records.delete(record)
    return
  }
  const child = node.children.get(token)
  if (child === undefined) return
  remove(child, record, depth + 1)
  if (child.records.size === 0 && child.children.size === 0) node.children.delete(token)
}

function collect<T>(
  node: TrieNode<T>,
  tokens: readonly string[],
  depth: number,
  found: PatternRecord<T>[],
): void {
  for (const record of node.records) if (matchesTokens(record.pattern, tokens)) found.push(record)
  const token = tokens[depth]
  if (token === undefined) return
  for (const step of [token, '*', '>']) {
    const child = node.children.get(step)
    if (child !== undefined) collect(child, tokens, depth + 1, found)
  }
}
