import { LedgerError } from '../errors/ledger-error.ts'
import { OptionError } from '../errors/option-error.ts'
import { isEventStream } from '../event-stream/is-event-stream.ts'
import { describeHead } from '../event-stream/read-events.ts'
import type { Ledger, LedgerExpectation } from '../ledger/ledger.ts'
import { describeEvent, eventsOf, matchesEvent } from './expected-event.ts'
import type { Equals, ExpectedEvent } from './expected-event.ts'

/** What vitest and Jest give a matcher as `this`, as far as these matchers use it. */
export interface MatcherContext {
  readonly equals: Equals
  readonly isNot?: boolean | undefined
  readonly utils: {
    printExpected(value: unknown): string
    printReceived(value: unknown): string
  }
}

export interface MatcherResult {
  readonly pass: boolean
  readonly message: () => string
}

/** The matchers as a test calls them, for the types of vitest and Jest. `Result` is what an assertion returns. */
export interface EventStreamMatchers<Result = unknown> {
  /**
   * Exactly these events were received, in this order.
   *
   * The value is an array of events (`MessageEvent`s, or those of `createEventSource`), or an `EventReader`.
   */
  toHaveReceivedEvents(expected: readonly ExpectedEvent[]): Result
  /** At least one event like this was received. */
  toHaveReceivedEvent(expected: ExpectedEvent): Result
  /** Each reader of the topic has each expected number once, in order, and nothing else. The value is a `Ledger`. */
  toBeComplete(expectation: LedgerExpectation): Result
  /** The value is a `Response` with status 200 and the content type of an event stream. Its body is not read. */
  toBeEventStream(): Result
}

/** The matchers of this package, for `expect.extend` of vitest and Jest, which want a type with an index signature. */
export type Matchers = {
  toHaveReceivedEvents(
    this: MatcherContext,
    received: unknown,
    expected: readonly ExpectedEvent[],
  ): MatcherResult
  toHaveReceivedEvent(this: MatcherContext, received: unknown, expected: ExpectedEvent): MatcherResult
  toBeComplete(this: MatcherContext, received: unknown, expectation: LedgerExpectation): MatcherResult
  toBeEventStream(this: MatcherContext, received: unknown): MatcherResult
}

/**
 * Matchers for `expect.extend(matchers)`, of vitest and Jest.
 *
 * With vitest, `import '@sse-toolkit/testing/vitest'` in a setup file extends `expect` and its types.
 */
export const matchers: Matchers = {
  toHaveReceivedEvents(received, expected) {
    const events = eventsOf(received)
    const differs = expected.findIndex((each, index) => {
      const event = events[index]
      return event === undefined || !matchesEvent(event, each, this.equals)
    })
    const at = differs === -1 && events.length > expected.length ? expected.length : differs
    return result(
      this,
      at === -1,
      'to have received exactly these events, in this order',
      expected,
      events.map(describeEvent),
      at === -1 ? '' : `\n\nFirst difference: event ${at + 1}.`,
    )
  },

  toHaveReceivedEvent(received, expected) {
    const events = eventsOf(received)
    const pass = events.some((event) => matchesEvent(event, expected, this.equals))
    return result(this, pass, 'to have received an event like', expected, events.map(describeEvent))
  },

  toBeComplete(received, expectation) {
    if (!isLedger(received)) throw new OptionError('received', received, 'a ledger')
    try {
      received.expectComplete(expectation)
    } catch (error) {
      if (!(error instanceof LedgerError)) throw error
      return { pass: false, message: () => error.message }
    }
    return { pass: true, message: () => `Expected the ledger of ${expectation.topic} not to be complete.` }
  },

  toBeEventStream(received) {
    if (!isResponse(received)) throw new OptionError('received', received, 'a Response')
    const { status, headers, body } = received
    const pass = status === 200 && isEventStream(headers.get('content-type')) && body !== null
    const not = this.isNot === true ? 'not ' : ''
    return {
      pass,
      message: () =>
        `Expected a response that is ${not}an event stream (status 200, text/event-stream), got ${describeHead(received)}.`,
    }
  },
}

function result(
  { isNot, utils }: MatcherContext,
  pass: boolean,
  what: string,
  expected: unknown,
  received: unknown,
  hint = '',
): MatcherResult {
  const message = (): string =>
    `Expected ${isNot === true ? 'not ' : ''}${what}:\n  ${utils.printExpected(expected)}\nReceived:\n  ${utils.printReceived(received)}${hint}`
  return { pass, message }
}

// By shape: the value may come from another copy of this package, or from another realm.
function isLedger(value: unknown): value is Ledger {
  return typeof (value as { expectComplete?: unknown } | null | undefined)?.expectComplete === 'function'
}

function isResponse(value: unknown): value is Response {
  const { headers } = (value ?? {}) as { headers?: { get?: unknown } | null }
  return typeof headers?.get === 'function'
}
