import { EventDataError } from '../errors/event-data-error.ts'
import type { EventDataErrorCode } from '../errors/event-data-error.ts'
import type { SchemaResult, StandardSchema } from './standard-schema.ts'

/** A map from event type to what its data, parsed as JSON, must be. */
export type EventSchemas = Readonly<Record<string, StandardSchema>>

/** An event as it came. */
export interface TextEvent {
  readonly type: string
  readonly data: string
  readonly lastEventId: string
}

/**
 * Decodes the data of an event.
 *
 * @returns A promise only if the schema is asynchronous.
 * @throws {@link EventDataError}, also as a rejection.
 */
export function decodeData(
  event: TextEvent,
  data: 'text' | 'json',
  schema: StandardSchema | undefined,
): unknown {
  if (data === 'text' && schema === undefined) return event.data
  const value = attempt(event, 'invalid-json', () => JSON.parse(event.data) as unknown)
  if (schema === undefined) return value
  const result = attempt(event, 'schema-failed', () => schema['~standard'].validate(value))
  if (!(result instanceof Promise)) return outputOf(event, result)
  return result.then(
    (settled) => outputOf(event, settled),
    (cause: unknown) => {
      throw new EventDataError('schema-failed', event, [], { cause })
    },
  )
}

function outputOf(event: TextEvent, result: SchemaResult<unknown>): unknown {
  if (result.issues) throw new EventDataError('schema-mismatch', event, result.issues)
  return result.value
}

function attempt<Result>(event: TextEvent, code: EventDataErrorCode, decode: () => Result): Result {
  try {
    return decode()
  } catch (cause) {
    throw new EventDataError(code, event, [], { cause })
  }
}
