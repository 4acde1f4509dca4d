import type { TextEvent } from '../delivery/event-data.ts'

/**
 * - `invalid-json`: the data is not JSON; `cause` is the SyntaxError.
 * - `schema-mismatch`: the schema refused the data; `issues` say why.
 * - `schema-failed`: the schema itself threw; `cause` is what it threw.
 */
export type EventDataErrorCode = 'invalid-json' | 'schema-mismatch' | 'schema-failed'

/** One reason why a schema refused the data, as in Standard Schema. */
export interface SchemaIssue {
  readonly message: string
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined
}

/** The data of one event could not be decoded. The event is skipped; the stream goes on. */
export class EventDataError extends Error {
  override readonly name = 'EventDataError'
  readonly code: EventDataErrorCode
  readonly type: string
  /** The data as it came. */
  readonly data: string
  readonly lastEventId: string
  readonly issues: readonly SchemaIssue[]

  constructor(
    code: EventDataErrorCode,
    { type, data, lastEventId }: TextEvent,
    issues: readonly SchemaIssue[],
    options?: ErrorOptions,
  ) {
    super(`Data of ${type}: ${issues[0]?.message ?? code}: ${data.slice(0, 60)}`, options)
    this.code = code
    this.type = type
    this.data = data
    this.lastEventId = lastEventId
    this.issues = issues
  }
}
