import { describe, expect, it } from 'vitest'
import { acceptsEventStream } from '@sse-toolkit/sse-server'

describe('acceptsEventStream (RFC 9110 section 12.5.1)', () => {
  it.each([
    ['no field', null, true],
    ['an empty field', '', true],
    ['the media type', 'text/event-stream', true],
    ['the media type in other case', 'Text/Event-Stream', true],
    ['the media type with a parameter', 'text/event-stream;charset=utf-8', true],
    ['a range of its type', 'text/*', true],
    ['any', '*/*', true],
    ['another media type', 'application/json', false],
    ['another type range', 'application/*', false],
    ['the media type with weight 0', 'text/event-stream;q=0', false],
    ['the media type with weight 0, though any is accepted', '*/*, text/event-stream;q=0', false],
    ['an invalid weight', 'text/event-stream;q=2', false],
    ['nonsense beside the media type', ';;, /, text/event-stream', true],
  ])('for %s: %s', (_name, field, accepted) => {
    expect(acceptsEventStream(field)).toBe(accepted)
  })

  it.each([
    ['only a wildcard', '*/*', false],
    ["a browser's navigation", 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', false],
    ['the event stream named', 'text/event-stream', true],
    ['the event stream named beside a wildcard', 'text/event-stream, */*', true],
    ['both named at equal weight', 'text/event-stream, application/json', false],
    ['the event stream at greater weight', 'application/json;q=0.5, text/event-stream;q=0.6', true],
    ['the event stream at lesser weight', 'application/json, text/event-stream;q=0.9', false],
    ['the event stream by its type, the other by a wildcard', 'text/*, */*', true],
  ])('beside JSON, with %s: %s', (_name, field, accepted) => {
    expect(acceptsEventStream(field, ['application/json'])).toBe(accepted)
  })

  it('reads the field of a request', () => {
    const request = new Request('http://localhost/', { headers: { accept: 'application/json' } })
    expect(acceptsEventStream(request)).toBe(false)
    const nodeRequest = { headers: { accept: 'application/json' } }
    expect(() => acceptsEventStream(nodeRequest as never)).toThrow('webRequest()')
  })
})
