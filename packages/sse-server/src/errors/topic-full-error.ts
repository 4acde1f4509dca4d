import { shorten } from './shorten.ts'

/** An event that was not stored: what running and ended topics hold until their time is over has a limit. */
export class TopicFullError extends Error {
  override readonly name = 'TopicFullError'
  readonly code = 'topic-full'
  /** The topic, shortened. */
  readonly topic: string
  /** The log's option that sets the limit: of this topic, or of all topics together. */
  readonly option: 'maxHeldBytesPerTopic' | 'maxHeldBytes'
  readonly limit: number

  constructor(topic: string, option: TopicFullError['option'], limit: number) {
    const shown = shorten(topic)
    const holder = option === 'maxHeldBytes' ? 'All running topics together hold' : `The topic ${shown} holds`
    super(`${holder} as much as may be held: ${limit} bytes (${option})`)
    this.topic = shown
    this.option = option
    this.limit = limit
  }
}
