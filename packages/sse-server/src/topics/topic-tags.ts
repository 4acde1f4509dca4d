import { TopicError } from '../errors/topic-error.ts'
import { checkTopic, isToken } from './topic.ts'
import { parseTopicPattern } from './topic-pattern.ts'

/** What {@link topic} and {@link pattern} take between the pieces of a template. */
export type TopicValue = string | number | bigint

/**
 * A topic made from values that come from outside, such as a parameter of a route.
 *
 * Each value stands within one token: with `id = '*'` or `id = '42.admin'` the tag throws, where a plain template would
 * make a pattern, or a topic one level further down.
 *
 * @throws {@link TopicError} `code: 'invalid-topic'`, `status: 400`
 * @example
 * ```ts
 * import { topic } from '@sse-toolkit/sse-server'
 *
 * const id = '42'
 * topic`orders.${id}.events` // 'orders.42.events'
 * ```
 */
export function topic(strings: TemplateStringsArray, ...values: readonly TopicValue[]): string {
  const text = join('topic', strings, values)
  checkTopic(text)
  return text
}

/**
 * A pattern made from values that come from outside. Wildcards count in the template only; each value stands within one
 * token, as in {@link topic}.
 *
 * @throws {@link TopicError} `code: 'invalid-topic'`, `status: 400`
 * @example
 * ```ts
 * import { pattern } from '@sse-toolkit/sse-server'
 *
 * const user = 'ada'
 * pattern`users.${user}.>` // 'users.ada.>'
 * ```
 */
export function pattern(strings: TemplateStringsArray, ...values: readonly TopicValue[]): string {
  return parseTopicPattern(join('pattern', strings, values)).text
}

function join(what: 'topic' | 'pattern', strings: TemplateStringsArray, values: readonly unknown[]): string {
  let text = strings[0] ?? ''
  for (const [index, value] of values.entries()) {
    const isPrintable = typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint'
    if (!isPrintable || !isToken(String(value))) {
      throw new TopicError(
        `value ${index + 1} of a ${what}`,
        value,
        "one token, without '.', '*', '>' and white space",
      )
    }
    text += String(value) + (strings[index + 1] ?? '')
  }
  return text
}
