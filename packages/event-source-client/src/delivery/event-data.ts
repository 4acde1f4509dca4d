import { EventDataError } from '../errors/event-data-error.ts'
import type { EventDataErrorCode } from '../errors/event-data-error.ts'
import type { SchemaResult, StandardSchema } from '../standard-schema.ts'
import type { TextEvent } from '../stream-event.ts'

/** A map from event type to what its data, parsed as JSON, must be. */
export type EventSchemas = Readonly<Record<string, StandardSchema>>

/**
 * Decodes the data of an event.
 *
 * @returns The data, or an {@link EventDataError}; a promise, which never rejects, only if the schema is asynchronous.
 */
export function decodeData(
  event: TextEvent,
  data: 'text' | 'json',
  schema: StandardSchema | undefined,
): unknown {
  if (data === 'text' && !schema) return event.data
  let code: EventDataErrorCode = 'invalid-json'

  function failure(cause: unknown): EventDataError {
    return new EventDataError(code, event, [], { cause })
  }

  function outcomeOf(result: SchemaResult<unknown>): unknown {
    return result.issues ? new EventDataError('schema-mismatch', event, result.issues) : result.value
  }

  try {
    const value: unknown = JSON.parse(event.data)
    if (!schema) return value
    code = 'schema-failed'
    const result = schema['~standard'].validate(value)
    // By its shape: a promise of another realm is none of this realm's class, and has no `issues` either.
    return 'then' in result ? Promise.resolve(result).then(outcomeOf).catch(failure) : outcomeOf(result)
  } catch (cause) {
    return failure(cause)
  }
}
