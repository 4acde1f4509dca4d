import type { TopicPattern } from '@sse-toolkit/sse-server'

/** Of how many topics one read remembers whether they match. */
const maxRememberedMatches = 10_000

/** What a reader asks for, its names apart from its patterns. */
export class TopicsAsked {
  readonly names: readonly string[]
  readonly hasWildcards: boolean
  readonly #names: ReadonlySet<string>
  readonly #patterns: readonly TopicPattern[]
  readonly #known = new Map<string, boolean>()

  constructor(patterns: readonly TopicPattern[]) {
    this.#names = new Set(patterns.filter(({ hasWildcard }) => !hasWildcard).map(({ text }) => text))
    this.names = [...this.#names]
    this.#patterns = patterns.filter(({ hasWildcard }) => hasWildcard)
    this.hasWildcards = this.#patterns.length > 0
  }

  hasName(topic: string): boolean {
    return this.#names.has(topic)
  }

  matches(topic: string): boolean {
    return this.#names.has(topic) || this.matchesPattern(topic)
  }

  /** Whether one of the patterns matches, which is found out once for each topic. */
  matchesPattern(topic: string): boolean {
    let matches = this.#known.get(topic)
    if (matches === undefined) {
      if (this.#known.size >= maxRememberedMatches) this.#known.clear()
      const tokens = topic.split('.')
      matches = this.#patterns.some((pattern) => matchesTokens(pattern, tokens))
      this.#known.set(topic, matches)
    }
    return matches
  }
}

function matchesTokens(pattern: TopicPattern, tokens: readonly string[]): boolean {
  for (const [index, expected] of pattern.tokens.entries()) {
    if (expected === '>') return tokens.length > index
    if (index >= tokens.length || (expected !== '*' && expected !== tokens[index])) return false
  }
  return tokens.length === pattern.tokens.length
}
