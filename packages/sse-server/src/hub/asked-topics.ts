import { OptionError } from '../errors/option-error.ts'
import { isPatternOnly, parseTopic, parseTopicPattern } from '../topics/topic-pattern.ts'
import type { TopicPattern } from '../topics/topic-pattern.ts'

/** What is asked for. The lists are the program's; what is in them may be a request's. */
export interface TopicLists {
  readonly topics: readonly string[]
  readonly patterns: readonly string[]
}

/** @throws {@link OptionError} for what is not a list. */
export function listsOf({
  topics = [],
  patterns = [],
}: {
  readonly topics?: readonly string[] | undefined
  readonly patterns?: readonly string[] | undefined
}): TopicLists {
  if (!Array.isArray(topics)) throw new OptionError('topics', topics, 'a list of topics')
  if (!Array.isArray(patterns)) throw new OptionError('patterns', patterns, 'a list of topic patterns')
  return { topics, patterns }
}

/**
 * @throws {@link TopicError} for names that are not valid.
 * @throws {@link OptionError} for a wildcard among the topics.
 */
export function parseTopics({ topics, patterns }: TopicLists, maxLength: number): readonly TopicPattern[] {
  const wildcard = topics.find(isPatternOnly)
  if (wildcard !== undefined) {
    const expected = 'topics without wildcards. Patterns go into the option patterns'
    throw new OptionError('topics', wildcard, expected)
  }
  return [
    ...topics.map((topic) => parseTopic(topic, maxLength)),
    ...patterns.map((pattern) => parseTopicPattern(pattern, maxLength)),
  ]
}
