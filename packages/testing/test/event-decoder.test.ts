import { createParser } from 'eventsource-parser'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createEventDecoder } from '../src/event-stream/event-decoder.ts'
import type { ReceivedEvent } from '../src/event-stream/event-decoder.ts'

interface Decoded {
  readonly events: ReceivedEvent[]
  readonly comments: string[]
  readonly retries: number[]
  readonly lastEventId: string
}

function decode(pieces: readonly string[], lastEventId = ''): Decoded {
  const events: ReceivedEvent[] = []
  const comments: string[] = []
  const retries: number[] = []
  const decoder = createEventDecoder(
    {
      onEvent: (event) => events.push(event),
      onComment: (text) => comments.push(text),
      onRetry: (timeMs) => retries.push(timeMs),
    },
    lastEventId,
  )
  for (const piece of pieces) decoder.decode(piece)
  return { events, comments, retries, lastEventId: decoder.lastEventId }
}

const message = (data: string, lastEventId = ''): ReceivedEvent => ({ type: 'message', data, lastEventId })

// WHATWG HTML, "Interpreting an event stream"; the first four are its own examples.
const cases: readonly (readonly [name: string, text: string, events: readonly ReceivedEvent[]])[] = [
  ['data of several lines', 'data: YHOO\ndata: +2\ndata: 10\n\n', [message('YHOO\n+2\n10')]],
  [
    'comments, ids, an id that is reset, and a space that belongs to the data',
    ': test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n',
    [message('first event', '1'), message('second event'), message(' third event')],
  ],
  ['empty data, and an end within a block', 'data\n\ndata\ndata\n\ndata:', [message(''), message('\n')]],
  ['the space after the colon', 'data:test\n\ndata: test\n\n', [message('test'), message('test')]],
  ['CR, LF and CRLF', 'data: a\r\rdata: b\r\n\r\ndata: c\n\n', [message('a'), message('b'), message('c')]],
  ['one byte order mark', '\uFEFFdata: a\n\n', [message('a')]],
  ['a second byte order mark as part of a field name', '\uFEFF\uFEFFdata: a\n\n', []],
  [
    'an event type, for one block',
    'event: x\ndata: a\n\ndata: b\n\n',
    [{ ...message('a'), type: 'x' }, message('b')],
  ],
  ['an event type without data, which is forgotten', 'event: x\n\ndata: a\n\n', [message('a')]],
  [
    'an id with NUL, which is ignored',
    'id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n',
    [message('a', '1'), message('b', '1')],
  ],
  ['an id without data, which counts', 'id: 9\n\ndata: a\n\n', [message('a', '9')]],
  ['fields of other names', 'topic: x\ndatas: y\nData: z\ndata: a\n\n', [message('a')]],
]

describe('the decoder reads (WHATWG HTML, "Interpreting an event stream")', () => {
  it.each(cases)('%s', (_name, text, events) => {
    expect(decode([text]).events).toEqual(events)
    expect(decode(text.split('')).events).toEqual(events)
    for (let at = 0; at <= text.length; at += 1)
      expect(decode([text.slice(0, at), text.slice(at)]).events).toEqual(events)
  })

  it('a reconnection time only if it consists of digits', () => {
    expect(decode(['retry: 100\nretry: 1s\nretry: -1\nretry:\nretry: 007\n']).retries).toEqual([100, 7])
  })

  it('what an earlier connection left as the last event ID', () => {
    const { events, lastEventId } = decode(['data: a\n\nid: 2\n\n'], '1')
    expect(events).toEqual([message('a', '1')])
    expect(lastEventId).toBe('2')
  })
})

it('the decoder agrees with eventsource-parser about any text, in any pieces', () => {
  const line = fc.oneof(
    fc.constantFrom(
      '',
      'data',
      'data:',
      'data: a',
      'data:b',
      ':c',
      'event: x',
      'id: 1',
      'id',
      'retry: 5',
      'other: 1',
    ),
    fc.string({ maxLength: 8 }),
  )
  const ending = fc.constantFrom('\n', '\r', '\r\n')
  const pieces = fc.array(
    fc.tuple(line, ending).map(([text, end]) => text + end),
    { maxLength: 30 },
  )
  fc.assert(
    fc.property(pieces, (texts) => {
      const theirs: unknown[] = []
      const comments: string[] = []
      const parser = createParser({
        onEvent: ({ event, data }) => theirs.push([event ?? 'message', data]),
        onComment: (text) => comments.push(text),
      })
      for (const text of texts) parser.feed(text)
      const ours = decode(texts)
      expect(ours.events.map(({ type, data }) => [type, data])).toEqual(theirs)
      expect(ours.comments).toEqual(comments)
    }),
  )
})
