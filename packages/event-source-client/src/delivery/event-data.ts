import { EventDataError } from '../errors/event-data-error.ts'
import type { EventDataErrorCode } from '../errors/event-data-error.ts'
import type { SchemaResult, StandardSchema } from '../standard-schema.ts'
import type { TextEvent } from '../stream-event.ts'

/** A map from event type to what its data must be. */
export type EventSchemas = Readonly<Record<string, StandardSchema>>

/**
 * Decodes the data of an event.
 *
 * JSON is parsed. A string is written as it is, and read as it is: where the data is not JSON but the schema takes the
 * text, or where the schema takes the text and not what it would be as JSON (`123` for a string).
 *
 * @param isOurs - From our server, which never writes a string as JSON: without a schema, data that is not JSON is a string.
 * @returns The data, or an {@link EventDataError}; a promise, which never rejects, only if the schema is asynchronous.
 */
export function decodeData(
  event: TextEvent,
  data: 'text' | 'json',
  schema: StandardSchema | undefined,
  isOurs: boolean,
): unknown {
  const text = event.data
  if (data === 'text' && !schema) return text
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    if (schema) return check(event, schema, text, () => failure(event, 'invalid-json', cause))
    // Empty data is not JSON either.
    return isOurs || text === '' ? text : failure(event, 'invalid-json', cause)
  }
  if (!schema) return value
  // What our server sends by a schema and in quotes is a string that has them.
  if (isOurs && typeof value === 'string') value = text
  return check(event, schema, value, ({ issues = [] }) =>
    check(event, schema, text, () => new EventDataError('schema-mismatch', event, issues)),
  )
}

function failure(event: TextEvent, code: EventDataErrorCode, cause: unknown): EventDataError {
  return new EventDataError(code, event, [], { cause })
}

/** @param otherwise - What to do about a value that the schema refuses. */
function check(
  event: TextEvent,
  { '~standard': standard }: StandardSchema,
  value: unknown,
  otherwise: (result: SchemaResult<unknown>) => unknown,
): unknown {
  const outcomeOf = (result: SchemaResult<unknown>): unknown =>
    result.issues ? otherwise(result) : result.value
  const fail = (cause: unknown): EventDataError => failure(event, 'schema-failed', cause)
  try {
    const result = standard.validate(value)
    // Checked by its shape: a promise from another realm is not an instance of this realm's Promise, and has no `issues` either.
    return 'then' in result ? Promise.resolve(result).then(outcomeOf).catch(fail) : outcomeOf(result)
  } catch (cause) {
    return fail(cause)
  }
}
