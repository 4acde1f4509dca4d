import { shorten } from './shorten.ts'

/** The time of a finite topic is over: what it held is gone. */
export class TopicExpiredError extends Error {
  override readonly name = 'TopicExpiredError'
  readonly code = 'topic-expired'
  /** The topics, shortened. */
  readonly topics: string

  constructor(topics: readonly string[]) {
    const shown = shorten(topics.join(', '))
    super(`The time of ${shown} is over: what these topics held is gone`)
    this.topics = shown
  }
}
