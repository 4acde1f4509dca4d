import type { SchemaIssue } from '../standard-schema.ts'
import type { TextEvent } from '../stream-event.ts'

/**
 * - `invalid-json`: the data is not JSON; `cause` is the SyntaxError.
 * - `schema-mismatch`: the schema refused the data; `issues` say why.
 * - `schema-failed`: the schema itself threw; `cause` is what it threw.
 */
export type EventDataErrorCode = 'invalid-json' | 'schema-mismatch' | 'schema-failed'

/** The data of one event could not be decoded. The event is skipped; the stream goes on. */
export class EventDataError extends Error {
  override readonly name = 'EventDataError'
  declare readonly code: EventDataErrorCode
  declare readonly type: string
  /** The data as it came. */
  declare readonly data: string
  declare readonly lastEventId: string
  declare readonly issues: readonly SchemaIssue[]

  constructor(
    code: EventDataErrorCode,
    event: TextEvent,
    issues: readonly SchemaIssue[],
    options?: ErrorOptions,
  ) {
    super(`Data of ${event.type}: ${issues[0]?.message ?? code}: ${event.data.slice(0, 60)}`, options)
    Object.assign(this, event, { code, issues })
  }
}
