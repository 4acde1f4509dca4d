import { shorten } from './shorten.ts'

/**
 * An event of a run was refused, because this process no longer runs the topic: the log has lost the claim, as a Redis
 * does that comes back empty, or another process holds it now. See `AppendOptions.onlyIfClaimed`.
 */
export class TopicNotClaimedError extends Error {
  override readonly name = 'TopicNotClaimedError'
  readonly code = 'topic-not-claimed'
  /** The topic, shortened. */
  readonly topic: string

  constructor(topic: string) {
    const shown = shorten(topic)
    super(`This process no longer runs the topic ${shown}: the log has lost its claim`)
    this.topic = shown
  }
}
