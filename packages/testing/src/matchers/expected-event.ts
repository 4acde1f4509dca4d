import { OptionError } from '../errors/option-error.ts'

/** What a test expects of one event. What is absent may be anything. A string is the data. */
export type ExpectedEvent =
  | string
  | {
      readonly type?: unknown
      /** Text is compared as text, everything else with the data read as JSON. Asymmetric matchers get both. */
      readonly data?: unknown
      readonly lastEventId?: unknown
    }

/** An event that was received, from whichever client. */
export interface ComparableEvent {
  readonly type: string
  readonly data: unknown
  readonly lastEventId?: string
}

/** A runner's comparison, which knows asymmetric matchers. */
export type Equals = (one: unknown, other: unknown) => boolean

/** @throws {@link OptionError} for what holds no events. */
export function eventsOf(received: unknown): readonly ComparableEvent[] {
  const events: unknown = Array.isArray(received)
    ? received
    : (received as { events?: unknown } | null)?.events
  if (!Array.isArray(events))
    throw new OptionError('received', received, 'an array of events, or an object with an array `events`')
  return events as readonly ComparableEvent[]
}

export function matchesEvent(event: ComparableEvent, expected: ExpectedEvent, equals: Equals): boolean {
  if (typeof expected === 'string') return equals(event.data, expected)
  return (
    (!('type' in expected) || equals(event.type, expected.type)) &&
    (!('lastEventId' in expected) || equals(event.lastEventId, expected.lastEventId)) &&
    (!('data' in expected) || matchesData(event.data, expected.data, equals))
  )
}

function matchesData(data: unknown, expected: unknown, equals: Equals): boolean {
  if (equals(data, expected)) return true
  if (typeof data !== 'string' || typeof expected === 'string') return false
  try {
    return equals(JSON.parse(data), expected)
  } catch {
    // Data that is not JSON does not match.
    return false
  }
}

/** As much of an event as a message should show. */
export function describeEvent({ type, data, lastEventId }: ComparableEvent): ComparableEvent {
  return lastEventId === undefined || lastEventId === '' ? { type, data } : { type, data, lastEventId }
}
