import { isThenable } from '../callbacks.ts'
import { checkEvent } from './event.ts'
import type { ServerSentEvent } from './event.ts'
import { EventFieldError } from '../errors/event-field-error.ts'
import { OptionError } from '../errors/option-error.ts'
import type { SchemaInput, StandardSchema } from './standard-schema.ts'

/**
 * One definition of the events of a stream, for the server and the client: event type -> schema of its data.
 *
 * `message` is the type of events without one.
 *
 * @example
 * ```ts
 * import * as v from 'valibot'
 *
 * export const orderEvents = {
 *   paid: v.object({ total: v.number() }),
 *   shipped: v.object({ parcel: v.string() }),
 * }
 * ```
 */
export type EventSchemas = Readonly<Record<string, StandardSchema>>

/** The events that the schemas allow to be sent. Without schemas: any. */
export type EventOf<Schemas extends EventSchemas> = string extends keyof Schemas
  ? ServerSentEvent
  : { [Type in keyof Schemas & string]: TypedEvent<Type, SchemaInput<Schemas[Type]>> }[keyof Schemas & string]

type TypedEvent<Type extends string, Data> = Omit<ServerSentEvent, 'event' | 'data'> & {
  readonly data: Data
} & (Type extends 'message' ? { readonly event?: Type } : { readonly event: Type })

/** Whether data is checked against its schema when it is sent. The client checks it in any case. */
export type ValidateOnSend = 'off' | 'on-send'

/**
 * Checks an event's data. What is sent is the data itself, not the schema's output: a schema that transforms does so
 * where the data arrives.
 *
 * @throws {@link EventFieldError} `code: 'invalid-event'` for a value that is not an event and for a type without a schema, `code: 'invalid-data'` for data
 *   that its schema refuses.
 * @throws {@link OptionError} if the schema is asynchronous: sending is not.
 */
export function validateEvent(schemas: EventSchemas, event: ServerSentEvent): void {
  checkEvent(event)
  const type = event.event ?? 'message'
  const schema = Object.hasOwn(schemas, type) ? schemas[type] : undefined
  if (schema === undefined)
    throw new EventFieldError('invalid-event', 'event', type, 'The event type has no schema')
  const result = schema['~standard'].validate(event.data)
  if (isThenable(result))
    throw new OptionError(`events.${type}`, schema, 'a schema that validates synchronously')
  if (result.issues === undefined) return
  const issues = result.issues.map((issue) => issue.message).join('; ')
  throw new EventFieldError(
    'invalid-data',
    'data',
    event.data,
    `The schema of '${type}' refuses the data (${issues})`,
  )
}
