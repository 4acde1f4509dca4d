import { TopicError } from '../errors/topic-error.ts'

// One or more code points. Not white space, '.', '*' and '>', which separate tokens or stand for them; not a control
// character, which could break a line where a topic is logged; not a lone surrogate, which UTF-8 cannot express: two
// such topics would become one as soon as they leave the process.
const token = /^[^\s\p{Cc}\p{Cs}.*>]+$/u

/** Whether `text` can stand between two dots of a topic. */
export function isToken(text: string): boolean {
  return token.test(text)
}

/** Whether there can be a topic of this name. See {@link checkTopic}. */
export function isTopic(topic: unknown): topic is string {
  return typeof topic === 'string' && topic.split('.').every(isToken)
}

/**
 * Throws unless there can be a topic of this name: one or more tokens joined by dots, where a token is one or more
 * characters other than white space, control characters, lone surrogates, `.`, `*` and `>`.
 *
 * Every {@link EventLog} calls this before it uses a topic, so that all logs have the same topics.
 *
 * @param maxLength - in UTF-16 code units.
 * @throws {@link TopicError} `code: 'invalid-topic'`
 * @example
 * ```ts
 * import { checkTopic } from '@sse-toolkit/sse-server'
 *
 * checkTopic('orders.42.items')
 * ```
 * @see https://docs.nats.io/nats-concepts/subjects
 */
export function checkTopic(topic: string, maxLength: number = Number.POSITIVE_INFINITY): void {
  if (!isTopic(topic)) {
    throw new TopicError(
      'topic',
      topic,
      "tokens joined by dots, without white space, control characters, '*' and '>'",
    )
  }
  if (topic.length > maxLength) throw new TopicError('topic', topic, `at most ${maxLength} UTF-16 code units`)
}
