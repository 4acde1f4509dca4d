import { createParser } from 'eventsource-parser'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { EventSizeError } from '../src/errors/event-size-error.ts'
import { createEventDecoder } from '../src/connection/event-decoder.ts'
import { wireCases } from './wire-cases.ts'
import type { Block } from './wire-cases.ts'

function decodeAll(
  chunks: Iterable<Uint8Array>,
  maxEventBytes = 2 ** 24,
): { blocks: Block[]; errors: EventSizeError[] } {
  const blocks: Block[] = []
  const errors: EventSizeError[] = []
  const { decode } = createEventDecoder(maxEventBytes, {
    onEvent: (event, data, id) => blocks.push({ event, data, ...(id === undefined ? {} : { id }) }),
    onIdOnly: (idOnly) => blocks.push({ idOnly }),
    onRetry: (retry) => blocks.push({ retry }),
    onComment: (comment) => blocks.push({ comment }),
    onError: (error) => errors.push(error),
  })
  for (const chunk of chunks) decode(chunk)
  return { blocks, errors }
}

const toBytes = (bytes: string | Uint8Array): Uint8Array =>
  typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes

describe.each(wireCases)('the decoder: $name', ({ bytes: source, blocks }) => {
  const bytes = toBytes(source)

  it('finds the same blocks in one chunk', () => {
    expect(decodeAll([bytes])).toEqual({ blocks, errors: [] })
  })

  it('finds the same blocks byte by byte', () => {
    expect(decodeAll(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual({ blocks, errors: [] })
  })

  it('finds the same blocks when split at every point', () => {
    for (let at = 0; at <= bytes.length; at += 1)
      expect(decodeAll([bytes.subarray(0, at), bytes.subarray(at)])).toEqual({ blocks, errors: [] })
  })
})

/** What eventsource-parser makes of the bytes. */
function parseAll(bytes: Uint8Array): Block[] {
  const blocks: Block[] = []
  createParser({
    onId: (idOnly) => blocks.push({ idOnly }),
    onEvent({ event = 'message', data, id }) {
      // It reports the id of a block with data, too.
      if (id !== undefined) blocks.pop()
      blocks.push({ event, data, ...(id === undefined ? {} : { id }) })
    },
    onRetry: (retry) => blocks.push({ retry }),
    onComment: (comment) => blocks.push({ comment }),
  }).feed(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes))
  return blocks
}

describe('any bytes', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'data: a',
      'data',
      'data:',
      'data:  two',
      'datax: a',
      'Data: a',
      ' data: a',
      'id: 1',
      'id',
      'id: a\0b',
      'event: x',
      'event',
      'retry: 5',
      'retry: -5',
      'retry: 5x',
      ': c',
      ':',
      'é€😀',
      '\r',
      '\n',
      '\r\n',
      '\r\r',
      '\n\n',
      '\r\n\r\n',
      '\uFEFF',
      '\0',
      `data: ${'x'.repeat(5000)}`,
    ),
    // Bytes that are not UTF-8: a lone continuation, a sequence that is cut off, an overlong one, a surrogate, a byte that never is.
    fc.constantFrom(
      Uint8Array.of(0x80),
      Uint8Array.of(0xf0, 0x9f, 0x98),
      Uint8Array.of(0xc0, 0xaf),
      Uint8Array.of(0xed, 0xa0, 0x80),
      Uint8Array.of(0xff),
    ),
  )
  const streams = fc
    .array(piece, { maxLength: 30 })
    .map((pieces) => Uint8Array.from(pieces.flatMap((each) => [...toBytes(each)])))

  it('any bytes decode to the same blocks however they are cut into chunks, and one at a time', () => {
    fc.assert(
      fc.property(streams, fc.array(fc.nat(200), { maxLength: 6 }), (bytes, cuts) => {
        const whole = decodeAll([bytes])
        const points = [
          0,
          ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b),
          bytes.length,
        ]
        expect(
          decodeAll(points.slice(1).map((point, index) => bytes.subarray(points[index], point))),
        ).toEqual(whole)
        expect(decodeAll(Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(whole)
      }),
      { numRuns: 500 },
    )
  })

  it('any bytes decode to the blocks that eventsource-parser makes of them', () => {
    fc.assert(
      fc.property(streams, (bytes) => {
        // To eventsource-parser, a last CR ends its line only when the next character comes.
        const complete = Uint8Array.from([...bytes, 0x0a])
        expect(decodeAll([complete]).blocks).toEqual(parseAll(complete))
      }),
      { numRuns: 2000 },
    )
  })

  it('a line that comes in a million chunks takes no longer than its length', () => {
    const byte = toBytes('x')
    const { blocks } = decodeAll([
      toBytes('data: '),
      ...Array.from({ length: 1_000_000 }, () => byte),
      toBytes('\n\n'),
    ])
    expect(blocks).toMatchObject([{ event: 'message', data: expect.stringMatching(/^x+$/) }])
  })
})

describe('maxEventBytes', () => {
  const chunk = toBytes(`data: ${'x'.repeat(994)}`)

  it('maxEventBytes stops a line that does not end, and nothing is decoded after it', () => {
    const { blocks, errors } = decodeAll([chunk, chunk, chunk, toBytes('\n\ndata: a\n\n')], 2000)
    expect(blocks).toEqual([])
    expect(errors).toMatchObject([{ code: 'event-too-large', maxEventBytes: 2000 }])
  })

  it('maxEventBytes stops an event that does not end, however short its lines', () => {
    const line = toBytes(`data: ${'x'.repeat(93)}\n`)
    const { blocks, errors } = decodeAll(
      Array.from({ length: 30 }, () => line),
      2000,
    )
    expect(blocks).toEqual([])
    expect(errors).toHaveLength(1)
  })

  it('maxEventBytes leaves many smaller events alone', () => {
    const event = toBytes(`data: ${'x'.repeat(993)}\n\n`)
    const { blocks, errors } = decodeAll(
      Array.from({ length: 30 }, () => event),
      1000,
    )
    expect(blocks).toHaveLength(30)
    expect(errors).toEqual([])
  })

  it('the decoder does not buffer a line that is not a field, whatever its length', () => {
    const { errors, blocks } = decodeAll(
      [...Array.from({ length: 50 }, () => toBytes('x'.repeat(1000))), toBytes('\ndata: a\n\n')],
      2000,
    )
    expect(errors).toEqual([])
    expect(blocks).toEqual([{ event: 'message', data: 'a' }])
  })
})

describe('a body that ends', () => {
  const end = (text: string, dispatches: boolean): { blocks: Block[]; isUnfinished: boolean } => {
    const blocks: Block[] = []
    const decoder = createEventDecoder(1000, {
      onEvent: (event, data, id) => blocks.push({ event, data, ...(id === undefined ? {} : { id }) }),
      onIdOnly: (idOnly) => blocks.push({ idOnly }),
      onRetry: (retry) => blocks.push({ retry }),
      onComment: (comment) => blocks.push({ comment }),
      onError: () => {},
    })
    decoder.decode(toBytes(text))
    return { isUnfinished: decoder.end(dispatches), blocks }
  }

  it.each([
    ['without its blank line', 'id: 1\ndata: a\n', { event: 'message', data: 'a', id: '1' }],
    ['within a line', 'event: x\ndata: a\ndata: b', { event: 'x', data: 'a\nb' }],
    ['after CR', 'data: a\r', { event: 'message', data: 'a' }],
    ['without data that has characters', 'data', { event: 'message', data: '' }],
  ])('a body that ends %s drops its last event, and says so, or dispatches it', (_name, text, block) => {
    expect(end(text, false)).toEqual({ blocks: [], isUnfinished: true })
    expect(end(text, true)).toEqual({ blocks: [block], isUnfinished: false })
  })

  it.each(['', 'data: a\n\n', 'data: a\n\n: hi\n', 'data: a\n\nid: 7\n', 'data: a\r\n\r'])(
    'the body %j has nothing unfinished in it',
    (text) => {
      expect(end(text, false).isUnfinished).toBe(false)
    },
  )
})
