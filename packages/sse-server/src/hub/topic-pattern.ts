import { TopicError } from '../errors/topic-error.ts'

/**
 * Which topics are meant: a topic itself, or tokens with wildcards.
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

// Printable ASCII and all beyond it, without space and without what separates and stands for tokens. A control
// character could break a line where a topic is logged.
// oxlint-disable-next-line no-control-regex -- controls are what is left out
const token = /^[^\s\x00-\x1f\x7f.*>]+$/u

/** @throws {@link TopicError} `code: 'invalid-topic'` */
export function checkTopic(topic: string, maxLength: number): void {
  if (
    typeof topic !== 'string' ||
    topic.length > maxLength ||
    !topic.split('.').every((each) => token.test(each))
  ) {
    throw new TopicError(
      topic,
      `A topic must be tokens joined by dots, without spaces, '*' and '>', of ${maxLength} code units at most`,
    )
  }
}

/** @throws {@link TopicError} `code: 'invalid-topic'` */
export function parseTopicPattern(text: string, maxLength: number): TopicPattern {
  const tokens = typeof text === 'string' ? text.split('.') : []
  const valid = tokens.every(
    (each, index) => each === '*' || (each === '>' && index === tokens.length - 1) || token.test(each),
  )
  if (tokens.length === 0 || !valid || text.length > maxLength) {
    throw new TopicError(
      text,
      `A topic pattern must be tokens joined by dots, where '*' is any one and a last '>' the rest, ` +
        `of ${maxLength} code units at most`,
    )
  }
  return { text, tokens, hasWildcard: tokens.includes('*') || tokens.at(-1) === '>' }
}

export function matchesTopic(pattern: TopicPattern, topic: string): boolean {
  if (!pattern.hasWildcard) return pattern.text === topic
  const tokens = topic.split('.')
  for (const [index, expected] of pattern.tokens.entries()) {
    if (expected === '>') return tokens.length > index
    if (index >= tokens.length || (expected !== '*' && expected !== tokens[index])) return false
  }
  return tokens.length === pattern.tokens.length
}
