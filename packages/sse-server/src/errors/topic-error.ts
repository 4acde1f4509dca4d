import { shorten } from './shorten.ts'

/** A topic, or a pattern of topics, that does not have their form. */
export class TopicError extends Error {
  override readonly name = 'TopicError'
  readonly code = 'invalid-topic'
  /** The topic or pattern, shortened. */
  readonly topic: string

  constructor(topic: unknown, expected: string) {
    const shown = shorten(topic)
    super(`${expected}, not ${shown}`)
    this.topic = shown
  }
}
