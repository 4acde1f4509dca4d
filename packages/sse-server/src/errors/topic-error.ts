import { shorten } from './shorten.ts'

/**
 * A topic, or a pattern of topics, that is not valid.
 *
 * Names of topics often come from a request, so the error has the status for the answer: frameworks that read
 * `status` or `statusCode` of an error (Express, Koa, Fastify, h3, http-core) answer 400.
 */
export class TopicError extends Error {
  override readonly name = 'TopicError'
  readonly code = 'invalid-topic'
  readonly status = 400
  readonly statusCode = 400
  /** The topic, pattern or value, shortened to one line. */
  readonly topic: string

  constructor(what: string, value: unknown, expected: string) {
    const shown = shorten(value)
    super(`${what}: expected ${expected}, got ${shown}.`)
    this.topic = shown
  }
}
