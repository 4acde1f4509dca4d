import { matchesTopic } from '@sse-toolkit/sse-server'
import type { TopicPattern } from '@sse-toolkit/sse-server'

/** The topics and patterns of a reader. Readers of the same ones share it. */
export interface TopicSet {
  /** The same for all readers of these topics. */
  readonly key: string
  readonly texts: readonly string[]
  /** Whether all of them name a topic: then the index finds their events. */
  readonly isNamed: boolean
  readonly matches: (topic: string) => boolean
  /** How the next events are found at less cost: by their topics, or among all events. Learnt from what was read before. */
  prefers: 'index' | 'range'
}

// Of how many sets, and of how many topics in each whether they match, is remembered.
const maxSets = 1000
const maxMatches = 10_000

export class TopicSets {
  // The hub gives the same list with each read of a subscription.
  readonly #known = new WeakMap<readonly TopicPattern[], TopicSet>()
  readonly #byKey = new Map<string, TopicSet>()

  of(patterns: readonly TopicPattern[]): TopicSet {
    const known = this.#known.get(patterns)
    if (known !== undefined) return known
    const texts = [...new Set(patterns.map(({ text }) => text))].toSorted()
    // No topic has a space.
    const key = texts.join(' ')
    let set = this.#byKey.get(key)
    if (set === undefined) {
      if (this.#byKey.size >= maxSets) this.#byKey.clear()
      set = createSet(key, texts, patterns)
      this.#byKey.set(key, set)
    }
    this.#known.set(patterns, set)
    return set
  }

  /** The topics of these names. */
  named(names: readonly string[]): TopicSet {
    const texts = names.toSorted()
    const set = this.#byKey.get(texts.join(' '))
    return set ?? this.of(texts.map((text) => ({ text, tokens: text.split('.'), hasWildcard: false })))
  }
}

function createSet(key: string, texts: readonly string[], patterns: readonly TopicPattern[]): TopicSet {
  const names = new Set(patterns.filter(({ hasWildcard }) => !hasWildcard).map(({ text }) => text))
  const wild = patterns.filter(({ hasWildcard }) => hasWildcard)
  const isNamed = wild.length === 0
  const known = new Map<string, boolean>()
  const matchesWild = (topic: string): boolean => {
    let matches = known.get(topic)
    if (matches === undefined) {
      if (known.size >= maxMatches) known.clear()
      matches = wild.some((pattern) => matchesTopic(pattern, topic))
      known.set(topic, matches)
    }
    return matches
  }
  return {
    key,
    texts,
    isNamed,
    matches: isNamed ? (topic) => names.has(topic) : (topic) => names.has(topic) || matchesWild(topic),
    prefers: isNamed ? 'index' : 'range',
  }
}
