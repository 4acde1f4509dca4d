import { describe, expect, it } from 'vitest'
import { createEventSource, EventSource, OptionError } from '../src/index.ts'
import type { EventSourceOptions } from '../src/index.ts'
import { defaultTransport } from '../src/transport/default.ts'

describe('an option that cannot work', () => {
  const bad: [option: string, value: unknown, url?: string][] = [
    ['url', 'http://', 'http://'],
    ['url', '/relative', '/relative'],
    ['connectTimeoutMs', -1],
    ['idleTimeoutMs', -1],
    ['idleTimeoutMs', 'never'],
    ['idleTimeoutMs', NaN],
    ['maxEventBytes', -5],
    ['maxBufferedBytes', -1],
    ['slowConsumer', 'explode'],
    ['reconnect', 'sometimes'],
    ['data', 'xml'],
    ['whenHidden', 'cry'],
    ['wireContract', 'break'],
    ['resumeBy', 'pigeon'],
    ['headers', { 'bad name': 'x' }],
    ['share', 'everybody'],
    ['method', 'G T'],
    ['method', 5],
    ['fetch', 5],
    ['transport', {}],
    ['lastEventId', 5],
    ['secretHeaders', 'x-key'],
    ['shouldReconnect', true],
    ['onUnauthorized', 'renew'],
  ]

  it.each(bad)('the option %s: %j is refused at the call, by name', (option, value, url = 'http://test/') => {
    const options = option === 'url' ? {} : { [option]: value }
    expect(() => createEventSource(url, options)).toThrow(
      expect.objectContaining({ name: 'OptionError', code: 'invalid-option', option, value }),
    )
  })

  it.each([
    ['baseDelayMs', -1],
    ['maxDelayMs', NaN],
    ['minDelayMs', -1],
    ['maxAttempts', -1],
    ['maxElapsedMs', 'x'],
    ['resetAfterMs', undefined],
    ['backoff', 'fast'],
    ['backoff', undefined],
  ])('the option reconnection.%s: %j is refused at the call, by name', (name, value) => {
    expect(() => createEventSource('http://test/', { reconnection: { [name]: value } })).toThrow(
      expect.objectContaining({ option: `reconnection.${name}`, value }),
    )
  })

  it.each([
    ['signal.addEventListener', { signal: {} }],
    ['lastEventIdStore.load', { lastEventIdStore: {} }],
    ['lastEventIdStore.save', { lastEventIdStore: { load: () => '' } }],
    ['events.paid.~standard.validate', { events: { paid: {} } }],
    ['events.paid.~standard.validate', { events: { paid: undefined } }],
  ])('the option %s, missing in %j, is refused at the call, by name', (option, options) => {
    expect(() => createEventSource('http://test/', options as EventSourceOptions)).toThrow(
      expect.objectContaining({ option, message: `${option}: expected a function, got undefined.` }),
    )
  })

  it.each([
    ['fetch', 5],
    ['lastEventId', 5],
    ['method', 'G T'],
  ])('the option %s: %j is refused by EventSource, too', (option, value) => {
    expect(() => new EventSource('http://test/', { [option]: value })).toThrow(
      expect.objectContaining({ name: 'OptionError', option, value }),
    )
  })

  it.each([
    ['slowConsumer', 'http://test/', { slowConsumer: 'pause' }],
    ['url', () => 'http://test/', {}],
  ] as const)(
    'the option %s, which pages cannot share, is refused with share: origin',
    (option, url, options) => {
      expect(() => createEventSource(url, { share: 'origin', ...options })).toThrow(
        expect.objectContaining({ option }),
      )
    },
  )

  it.each([
    [-1, '-1'],
    [NaN, 'NaN'],
    [5n, '5'],
    [null, 'null'],
    [Symbol('s'), 'Symbol(s)'],
    ['x'.repeat(100), 'x'.repeat(60)],
    [() => 1, 'function'],
    [Object.create(null), 'object'],
  ])('an OptionError shows the value in its text, shortened: case %#', (value, shown) => {
    expect(new OptionError('a', value, 'a thing')).toMatchObject({
      message: `a: expected a thing, got ${shown}.`,
      option: 'a',
      value,
    })
  })

  it('an OptionError keeps its cause', () => {
    const cause = new Error('why')
    expect(new OptionError('a', 1, 'b', { cause }).cause).toBe(cause)
  })

  it('a dispatcher is refused on a platform without undici', () => {
    const dispatcher = { dispatch: () => true }
    expect(() => defaultTransport(dispatcher)).toThrow(expect.objectContaining({ option: 'dispatcher' }))
  })

  it.each([null, {}, 'agent'])('something that is not a dispatcher is refused: %j', (dispatcher) => {
    const options = { dispatcher: dispatcher as never }
    expect(() => createEventSource('http://test/', options)).toThrow(
      expect.objectContaining({ option: 'dispatcher' }),
    )
  })

  it('a body stream is refused for a request that may be repeated', () => {
    const body = new ReadableStream()
    expect(() => createEventSource('http://test/', { method: 'POST', body, reconnect: 'always' })).toThrow(
      expect.objectContaining({ option: 'body' }),
    )
  })
})
