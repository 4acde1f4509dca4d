import { TopicError } from '../errors/topic-error.ts'
import { checkTopic, isToken, isTopic } from './topic.ts'

/**
 * Which topics are meant: one topic, or tokens with wildcards.
 *
 *     orders.42     this topic
 *     orders.*      one token in the place of each `*`: orders.42, not orders.42.items
 *     orders.>      one token or more at the end: orders.42 and orders.42.items, not orders
 *
 * @see https://docs.nats.io/nats-concepts/subjects
 */
export interface TopicPattern {
  readonly text: string
  readonly tokens: readonly string[]
  /** False if it names one topic. */
  readonly hasWildcard: boolean
}

/**
 * Reads a pattern. A topic is a pattern without wildcards.
 *
 * @param maxLength - in UTF-16 code units.
 * @throws {@link TopicError} `code: 'invalid-topic'`
 */
export function parseTopicPattern(text: string, maxLength: number = Number.POSITIVE_INFINITY): TopicPattern {
  if (!isPattern(text)) {
    const expected = "tokens joined by dots, where '*' stands for one token and a last '>' for one or more"
    throw new TopicError('pattern', text, expected)
  }
  if (text.length > maxLength) throw new TopicError('pattern', text, `at most ${maxLength} UTF-16 code units`)
  const tokens = text.split('.')
  return { text, tokens, hasWildcard: tokens.includes('*') || tokens.at(-1) === '>' }
}

function isPattern(text: unknown): text is string {
  if (typeof text !== 'string') return false
  const tokens = text.split('.')
  return tokens.every(
    (token, index) => token === '*' || (token === '>' && index === tokens.length - 1) || isToken(token),
  )
}

/** Whether `text` is a pattern, and not a topic. */
export function isPatternOnly(text: unknown): boolean {
  return isPattern(text) && !isTopic(text)
}

/**
 * One topic, in the form of a pattern.
 *
 * @throws {@link TopicError} `code: 'invalid-topic'`, also for a wildcard.
 */
export function parseTopic(topic: string, maxLength: number): TopicPattern {
  checkTopic(topic, maxLength)
  return { text: topic, tokens: topic.split('.'), hasWildcard: false }
}

export function matchesTopic(pattern: TopicPattern, topic: string): boolean {
  return pattern.hasWildcard ? matchesTokens(pattern, topic.split('.')) : pattern.text === topic
}

export function matchesAny(patterns: readonly TopicPattern[], topic: string): boolean {
  const tokens = topic.split('.')
  return patterns.some((pattern) => matchesTokens(pattern, tokens))
}

export function matchesTokens(pattern: TopicPattern, tokens: readonly string[]): boolean {
  for (const [index, expected] of pattern.tokens.entries()) {
    if (expected === '>') return tokens.length > index
    if (index >= tokens.length || (expected !== '*' && expected !== tokens[index])) return false
  }
  return tokens.length === pattern.tokens.length
}

/** Whether every topic that `inner` matches is one that `outer` matches. */
export function coversPattern(outer: TopicPattern, inner: TopicPattern): boolean {
  for (const [index, token] of outer.tokens.entries()) {
    const asked = inner.tokens[index]
    if (asked === undefined) return false
    if (token === '>') return true
    if (asked === '>' || (token !== '*' && token !== asked)) return false
  }
  return inner.tokens.length === outer.tokens.length
}
