import type { TopicPattern } from './topic-pattern.ts'

interface TrieNode<T> {
  readonly children: Map<string, TrieNode<T>>
  /** Those whose pattern ends here. */
  readonly members: Set<T>
}

// How many topics' matches are kept: beyond it all are forgotten, and found again as they are asked for.
const maxCachedTopics = 100_000

/**
 * Who wants which topic.
 *
 * Exact topics are in a map. Patterns are in a trie of tokens; which of its nodes match a topic is remembered until a
 * node is added or removed, so that a publish walks the trie once for each topic, and costs what its matches cost.
 */
export class TopicIndex<T> {
  readonly #exact = new Map<string, Set<T>>()
  readonly #root: TrieNode<T> = createNode()
  readonly #matchedNodes = new Map<string, readonly TrieNode<T>[]>()

  add(pattern: TopicPattern, member: T): void {
    if (!pattern.hasWildcard) {
      const members = this.#exact.get(pattern.text)
      if (members === undefined) this.#exact.set(pattern.text, new Set([member]))
      else members.add(member)
      return
    }
    let node = this.#root
    for (const token of pattern.tokens) {
      let child = node.children.get(token)
      if (child === undefined) {
        child = createNode()
        node.children.set(token, child)
        this.#matchedNodes.clear()
      }
      node = child
    }
    node.members.add(member)
  }

  delete(pattern: TopicPattern, member: T): void {
    if (pattern.hasWildcard) {
      this.#deleteBelow(this.#root, pattern.tokens, 0, member)
      return
    }
    const members = this.#exact.get(pattern.text)
    members?.delete(member)
    if (members?.size === 0) this.#exact.delete(pattern.text)
  }

  /** Calls `visit` for each member that wants the topic: more than once for one that wants it by several patterns. */
  forEach(topic: string, visit: (member: T) => void): void {
    // Sets may lose the member at hand, and gain others, while they are walked.
    const exact = this.#exact.get(topic)
    if (exact !== undefined) for (const member of exact) visit(member)
    if (this.#root.children.size === 0) return
    let nodes = this.#matchedNodes.get(topic)
    if (nodes === undefined) {
      if (this.#matchedNodes.size >= maxCachedTopics) this.#matchedNodes.clear()
      nodes = matchNodes(this.#root, topic.split('.'), 0)
      this.#matchedNodes.set(topic, nodes)
    }
    for (const node of nodes) {
      for (const member of node.members) visit(member)
    }
  }

  /** How many topics and patterns have members. */
  get size(): number {
    return this.#exact.size + countPatterns(this.#root)
  }

  #deleteBelow(node: TrieNode<T>, tokens: readonly string[], index: number, member: T): void {
    const token = tokens[index]
    if (token === undefined) {
      node.members.delete(member)
      return
    }
    const child = node.children.get(token)
    if (child === undefined) return
    this.#deleteBelow(child, tokens, index + 1, member)
    if (child.members.size > 0 || child.children.size > 0) return
    node.children.delete(token)
    this.#matchedNodes.clear()
  }
}

function createNode<T>(): TrieNode<T> {
  return { children: new Map(), members: new Set() }
}

function countPatterns<T>(node: TrieNode<T>): number {
  let count = 0
  for (const child of node.children.values()) count += (child.members.size > 0 ? 1 : 0) + countPatterns(child)
  return count
}

function matchNodes<T>(node: TrieNode<T>, tokens: readonly string[], index: number): readonly TrieNode<T>[] {
  const token = tokens[index]
  if (token === undefined) return [node]
  const rest = node.children.get('>')
  return [
    ...(rest === undefined ? [] : [rest]),
    ...[node.children.get(token), node.children.get('*')].flatMap((child) =>
      child === undefined ? [] : matchNodes(child, tokens, index + 1),
    ),
  ]
}
