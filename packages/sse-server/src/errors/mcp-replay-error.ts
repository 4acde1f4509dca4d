import { shorten } from './shorten.ts'

/**
 * - `unknown-event`: no event of this session has this id.
 * - `events-lost`: events after this one were stored, but the log no longer holds them.
 */
export type McpReplayErrorCode = 'unknown-event' | 'events-lost'

/** A client of an MCP server cannot go on after the event that it asks for. */
export class McpReplayError extends Error {
  override readonly name = 'McpReplayError'
  readonly code: McpReplayErrorCode
  /** The id that the client gave, shortened. */
  readonly eventId: string

  constructor(code: McpReplayErrorCode, eventId: string) {
    const shown = shorten(eventId)
    super(
      code === 'unknown-event'
        ? `The session has no event ${shown}`
        : `Events after ${shown} are missing: the log no longer holds them`,
    )
    this.code = code
    this.eventId = shown
  }
}
