import { expect as jestExpect } from 'expect'
import type { Matchers as JestMatchers } from 'expect'
import { describe, expect, expectTypeOf, it } from 'vitest'
import type { Assertion } from 'vitest'
import '../src/vitest/extend-expect.ts'
import { createLedger, matchers, readEvents } from '../src/index.ts'
import type { EventStreamMatchers, ExpectedEvent, LedgerExpectation } from '../src/index.ts'

declare module 'expect' {
  interface Matchers<R> extends EventStreamMatchers<R> {}
}

jestExpect.extend(matchers)

const events = [
  { type: 'paid', data: '{"total":12}', lastEventId: '1' },
  new MessageEvent('message', { data: 'plain', lastEventId: '2' }),
]

type Expect = (value: unknown) => EventStreamMatchers & { readonly not: EventStreamMatchers }

/** The two runners, each with the matchers. */
const runners: readonly (readonly [string, Expect])[] = [
  ['vitest', expect],
  ['Jest', jestExpect],
]

describe.each(runners)('with %s', (_name, expectValue) => {
  it.each<[string, readonly ExpectedEvent[]]>([
    ['data alone', ['{"total":12}', 'plain']],
    ['data as JSON', [{ data: { total: 12 } }, { data: 'plain' }]],
    ['types and ids', [{ type: 'paid' }, { type: 'message', lastEventId: '2' }]],
    ['asymmetric matchers', [{}, { data: expect.stringMatching(/^pl/) }]],
    ['asymmetric matchers of JSON', [{ data: expect.objectContaining({ total: 12 }) }, {}]],
  ])('toHaveReceivedEvents compares %s', (_what, expected) => {
    expectValue(events).toHaveReceivedEvents(expected)
    expect(() => expectValue(events).not.toHaveReceivedEvents(expected)).toThrow(
      'not to have received exactly',
    )
  })

  it.each<[string, readonly ExpectedEvent[], string]>([
    ['an event is missing', [{}, {}, {}], 'event 3'],
    ['an event is too many', [{}], 'event 2'],
    ['the order differs', ['plain', {}], 'event 1'],
    ['data differs', [{ data: { total: 13 } }, {}], 'event 1'],
    ['data is not JSON', [{}, { data: { plain: true } }], 'event 2'],
    ['the type differs', [{}, { type: 'paid' }], 'event 2'],
    ['the id differs', [{}, { lastEventId: '3' }], 'event 2'],
  ])('toHaveReceivedEvents fails when %s, and says where', (_what, expected, where) => {
    expectValue(events).not.toHaveReceivedEvents(expected)
    expect(() => expectValue(events).toHaveReceivedEvents(expected)).toThrow(`First difference: ${where}.`)
  })

  it('toHaveReceivedEvent finds one among others', () => {
    expectValue(events).toHaveReceivedEvent('plain')
    expectValue(events).not.toHaveReceivedEvent({ type: 'paid', data: { total: 1 } })
    expect(() => expectValue(events).toHaveReceivedEvent('other')).toThrow('to have received an event like')
    expect(() => expectValue([]).toHaveReceivedEvent('other')).toThrow('other')
  })

  it('takes what readEvents has read', async () => {
    const response = new Response('data: a\n\n', { headers: { 'content-type': 'text/event-stream' } })
    const reader = readEvents(response)
    expectValue(reader).toHaveReceivedEvents([])
    await reader.take(1)
    expectValue(reader).toHaveReceivedEvents(['a'])
  })

  it('toBeComplete holds a ledger against an expectation', () => {
    const ledger = createLedger()
    for (const seq of [1, 2, 4]) ledger.received('anna', 'orders', seq)
    const whole: LedgerExpectation = { topic: 'orders', first: 1, last: 4 }
    expectValue(ledger).not.toBeComplete(whole)
    expect(() => expectValue(ledger).toBeComplete(whole)).toThrow('anna: received 3; missing 3')
    ledger.announcedGap('anna', 'orders', { after: 2, before: 4 })
    expectValue(ledger).toBeComplete({ ...whole, announcedGaps: 'allowed' })
    expect(() => expectValue(ledger).not.toBeComplete({ ...whole, announcedGaps: 'allowed' })).toThrow(
      'Expected the ledger of orders not to be complete.',
    )
    // A mistake in the expectation is not an incomplete ledger.
    expect(() => expectValue(ledger).not.toBeComplete({ topic: 'orders' })).toThrow(
      expect.objectContaining({ code: 'invalid-option' }),
    )
  })

  it('toBeEventStream looks at status and content type', () => {
    const stream = new Response('', { headers: { 'content-type': 'text/event-stream' } })
    expectValue(stream).toBeEventStream()
    expect(() => expectValue(stream).not.toBeEventStream()).toThrow('not an event stream')
    expectValue(Response.json({})).not.toBeEventStream()
    expect(() => expectValue(Response.json({})).toBeEventStream()).toThrow(
      'got status 200, application/json.',
    )
  })

  it.each<[string, () => void]>([
    ['events', () => expectValue({}).toHaveReceivedEvents([])],
    ['events', () => expectValue(null).not.toHaveReceivedEvent('a')],
    ['a ledger', () => expectValue({}).not.toBeComplete({ topic: 'a' })],
    ['a Response', () => expectValue({ status: 200 }).not.toBeEventStream()],
  ])('a value that is not %s is a mistake, also under not', (_what, assertion) => {
    expect(assertion).toThrow(expect.objectContaining({ code: 'invalid-option', option: 'received' }))
  })
})

it('the matchers have their types in vitest and in Jest', () => {
  expectTypeOf<Assertion['toHaveReceivedEvents']>().parameters.toEqualTypeOf<
    [expected: readonly ExpectedEvent[]]
  >()
  expectTypeOf<Assertion['toBeEventStream']>().returns.toEqualTypeOf<void>()
  expectTypeOf<JestMatchers<void>['toBeEventStream']>().returns.toEqualTypeOf<void>()
  const expected: ExpectedEvent = { data: 'a' }
  expect([{ type: 'message', data: 'a' }]).toHaveReceivedEvents([expected])
})
