import { shorten } from './shorten.ts'

/** A topic that takes no more events, because it has ended. */
export class TopicEndedError extends Error {
  override readonly name = 'TopicEndedError'
  readonly code = 'topic-ended'
  /** The topic, shortened. */
  readonly topic: string

  constructor(topic: string) {
    const shown = shorten(topic)
    super(`The topic ${shown} has ended`)
    this.topic = shown
  }
}
