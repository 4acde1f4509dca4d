import { createParser } from 'eventsource-parser'
import type { EventSourceMessage } from 'eventsource-parser'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EventFieldError, formatComment, formatEvent } from '@sse-toolkit/sse-server'
import type { ServerSentEvent } from '@sse-toolkit/sse-server'

interface Parsed {
  events: EventSourceMessage[]
  ids: string[]
  retries: number[]
  comments: string[]
}

function parse(pieces: readonly string[]): Parsed {
  const parsed: Parsed = { events: [], ids: [], retries: [], comments: [] }
  const parser = createParser({
    onEvent: (event) => parsed.events.push(event),
    onId: (id) => parsed.ids.push(id),
    onRetry: (retry) => parsed.retries.push(retry),
    onComment: (comment) => parsed.comments.push(comment),
    onError: (error) => {
      throw error
    },
  })
  for (const piece of pieces) parser.feed(piece)
  return parsed
}

describe('formatEvent', () => {
  const wireForms: readonly (readonly [string, ServerSentEvent, string])[] = [
    ['data alone', { data: 'hello' }, 'data: hello\n\n'],
    ['empty data, which is dispatched', { data: '' }, 'data: \n\n'],
    ['data that begins with a space', { data: ' x' }, 'data:  x\n\n'],
    ['LF in data', { data: 'a\nb' }, 'data: a\ndata: b\n\n'],
    ['CR in data', { data: 'a\rb' }, 'data: a\ndata: b\n\n'],
    ['CRLF in data, one line end', { data: 'a\r\nb' }, 'data: a\ndata: b\n\n'],
    ['LFCR in data, two line ends', { data: 'a\n\rb' }, 'data: a\ndata: \ndata: b\n\n'],
    ['line ends at the end of data', { data: 'a\n\n' }, 'data: a\ndata: \ndata: \n\n'],
    [
      'what Unicode calls line ends and the format does not',
      { data: 'a\u2028b\u0085c\v' },
      'data: a\u2028b\u0085c\v\n\n',
    ],
    ['a type', { event: 'paid', data: 'x' }, 'event: paid\ndata: x\n\n'],
    ['an id', { id: '7', data: 'x' }, 'id: 7\ndata: x\n\n'],
    ['the id 0', { id: '0', data: 'x' }, 'id: 0\ndata: x\n\n'],
    ['the empty id, which resets', { id: '', data: 'x' }, 'id: \ndata: x\n\n'],
    ['an id without data', { id: '7' }, 'id: 7\n\n'],
    ['a reconnection time without data', { retry: 0 }, 'retry: 0\n\n'],
    ['a comment without data', { comment: 'c' }, ': c\n\n'],
    ['a comment of two lines', { comment: 'a\r\nb', data: 'x' }, ': a\n: b\ndata: x\n\n'],
    [
      'every field',
      { comment: 'c', retry: 5, event: 'e', id: 'i', data: 'd' },
      ': c\nevent: e\nid: i\nretry: 5\ndata: d\n\n',
    ],
    ['an object as JSON', { data: { a: [1, null] } }, 'data: {"a":[1,null]}\n\n'],
    ['null as JSON', { data: null }, 'data: null\n\n'],
    ['a number as JSON', { data: 0 }, 'data: 0\n\n'],
    ['false as JSON', { data: false }, 'data: false\n\n'],
    ['a lone surrogate as U+FFFD', { data: '\ud800x' }, 'data: \ufffdx\n\n'],
    ['a surrogate pair as it is', { data: '😀' }, 'data: 😀\n\n'],
    [
      'absent fields given as undefined',
      { data: 'x', id: undefined, retry: undefined } as unknown as ServerSentEvent,
      'data: x\n\n',
    ],
  ]
  it.each(wireForms)('formats %s', (_name, event, wire) => {
    expect(formatEvent(event)).toBe(wire)
  })

  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  const refused: readonly (readonly [string, Record<string, unknown>, string, string])[] = [
    ['LF in the type', { event: 'a\nb', data: '' }, 'invalid-event', 'event'],
    ['CR in the type', { event: 'a\rb', data: '' }, 'invalid-event', 'event'],
    ['a type that is no string', { event: 7, data: '' }, 'invalid-event', 'event'],
    ['LF in the id', { id: 'a\nb', data: '' }, 'invalid-id', 'id'],
    ['CR in the id', { id: 'a\rb', data: '' }, 'invalid-id', 'id'],
    ['NUL in the id', { id: 'a\0b', data: '' }, 'invalid-id', 'id'],
    ['an id that is a number', { id: 7, data: '' }, 'invalid-id', 'id'],
    [
      'an id whose toString forges a field',
      { id: { toString: () => '1\ndata: x' }, data: '' },
      'invalid-id',
      'id',
    ],
    ['a negative retry', { retry: -1 }, 'invalid-retry', 'retry'],
    ['a retry with a fraction', { retry: 1.5 }, 'invalid-retry', 'retry'],
    ['a retry beyond the safe integers', { retry: 1e21 }, 'invalid-retry', 'retry'],
    ['NaN as retry', { retry: Number.NaN }, 'invalid-retry', 'retry'],
    ['a retry that is a string of digits', { retry: '1000' }, 'invalid-retry', 'retry'],
    ['a retry that is a string with a line break', { retry: '1\ndata: x' }, 'invalid-retry', 'retry'],
    ['a comment that is no string', { comment: 7 }, 'invalid-comment', 'comment'],
    ['undefined as data', { data: undefined }, 'invalid-data', 'data'],
    ['a function as data', { data: () => 0 }, 'invalid-data', 'data'],
    ['a symbol as data', { data: Symbol('s') }, 'invalid-data', 'data'],
    ['a BigInt as data', { data: 1n }, 'invalid-data', 'data'],
    ['a promise as data', { data: Promise.resolve(1) }, 'invalid-data', 'data'],
    ['a cycle as data', { data: cycle }, 'invalid-data', 'data'],
    ['a toJSON that gives undefined', { data: { toJSON: () => undefined } }, 'invalid-data', 'data'],
    ['a type without data', { event: 'paid' }, 'missing-data', 'data'],
    ['nothing at all', {}, 'missing-data', 'data'],
    ['a string in place of an event', 'hello' as never, 'invalid-event', 'event'],
    ['undefined in place of an event', undefined as never, 'invalid-event', 'event'],
  ]
  it.each(refused)('refuses %s', (_name, event, code, field) => {
    expect(() => formatEvent(event)).toThrow(
      expect.objectContaining({ name: 'EventFieldError', code, field }),
    )
  })

  it('names the value in the error, in one line and shortened', () => {
    const error = errorOf(() => formatEvent({ id: `a\n${'x'.repeat(500)}`, data: '' }))
    expect(error.value.length).toBeLessThanOrEqual(60)
    expect(error.message).toBe(`An id must be a string without CR, LF or NUL: ${error.value}`)
    expect(error.message).not.toContain('\n')
  })

  it('keeps the error of JSON.stringify as the cause', () => {
    expect(errorOf(() => formatEvent({ data: cycle })).cause).toBeInstanceOf(TypeError)
  })

  function errorOf(act: () => unknown): EventFieldError {
    try {
      act()
    } catch (error) {
      if (error instanceof EventFieldError) return error
    }
    throw new Error('no EventFieldError was thrown')
  }
})

describe('formatComment', () => {
  it.each([
    ['the canonical keepalive without a text', undefined, ':\n\n'],
    ['a text', 'still here', ': still here\n\n'],
    ['each line of a text', 'a\nb\rc\r\nd', ': a\n: b\n: c\n: d\n\n'],
    ['a text that tries to be a field', '\ndata: forged', ': \n: data: forged\n\n'],
  ])('formats %s', (_name, text, wire) => {
    expect(formatComment(text)).toBe(wire)
  })
})

describe('no field can be forged', () => {
  // Every way that injections have been tried on event streams, in every field that takes a string.
  const lineBreaks = ['\n', '\r', '\r\n', '\n\n', '\r\r', '\r\n\r\n', '\n\r']
  const forgeries = [
    'data: forged',
    'event: forged',
    'id: forged',
    'retry: 1',
    ': forged',
    'data',
    '\ufeffdata: forged',
    ' ',
  ]
  const attempts = lineBreaks.flatMap((lineBreak) =>
    forgeries.flatMap((forgery) => [
      `${lineBreak}${forgery}`,
      `x${lineBreak}${forgery}`,
      `x${lineBreak}${forgery}${lineBreak}`,
      `x\0${lineBreak}${forgery}`,
      `\ud800${lineBreak}${forgery}`,
    ]),
  )

  it.each(['event', 'id', 'retry'])('through %s: refused', (field) => {
    for (const attempt of attempts) {
      expect(() => formatEvent({ data: 'x', [field]: attempt })).toThrow(EventFieldError)
    }
  })

  it('through data: it arrives as data', () => {
    for (const attempt of attempts) {
      const { events, ids, retries } = parse([formatEvent({ data: attempt })])
      expect(events).toEqual([{ id: undefined, event: undefined, data: normalize(attempt) }])
      expect([ids, retries]).toEqual([[], []])
    }
  })

  it('through a comment: nothing arrives but comments', () => {
    for (const attempt of attempts) {
      const { events, ids, retries, comments } = parse([formatComment(attempt)])
      expect([events, ids, retries]).toEqual([[], [], []])
      expect(comments.join('\n')).toBe(normalize(attempt))
    }
  })
})

describe('every formatted event parses back', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', ' ', ':', '\r', '\n', '\0', '\ufeff', '\u2028', 'é', '😀', 'data', 'id'),
  })
  const line = text.map((value) => value.replaceAll(/[\r\n]/g, '')).map((value) => value.toWellFormed())
  const event = fc.record(
    {
      data: text,
      event: line,
      id: line.map((value) => value.replaceAll('\0', '')),
      retry: fc.nat(),
      comment: text,
    },
    { requiredKeys: ['data'] },
  )

  it.each([
    ['whole', (wire: string) => [wire]],
    ['code unit by code unit', (wire: string) => wire.split('')],
  ])('fed %s', (_name, cut) => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 5 }), (events) => {
        expectParsed(parse(cut(events.map(formatEvent).join(''))), events)
      }),
      { numRuns: 500 },
    )
  })

  it('split in two at every point', () => {
    fc.assert(
      fc.property(event, (one) => {
        const wire = formatEvent(one)
        for (let at = 0; at <= wire.length; at += 1)
          expectParsed(parse([wire.slice(0, at), wire.slice(at)]), [one])
      }),
      { numRuns: 200 },
    )
  })

  function expectParsed(parsed: Parsed, events: readonly ServerSentEvent[]): void {
    expect(parsed.events.map((each) => each.data)).toEqual(events.map((each) => normalize(String(each.data))))
    // [spec] an empty event type is "message"
    expect(parsed.events.map((each) => each.event || undefined)).toEqual(
      events.map((each) => each.event || undefined),
    )
    expect(parsed.ids).toEqual(events.flatMap((each) => (each.id === undefined ? [] : [each.id])))
    expect(parsed.retries).toEqual(events.flatMap((each) => (each.retry === undefined ? [] : [each.retry])))
  }
})

/** As the user agent joins the lines. */
function normalize(data: string): string {
  return data.replaceAll(/\r\n|\r|\n/g, '\n').toWellFormed()
}
