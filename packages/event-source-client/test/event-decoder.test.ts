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

describe('any bytes', () => {
  it('any bytes decode to the same blocks however they are cut into chunks', () => {
    const pieces = fc.constantFrom(
      'data: a',
      'id: 1',
      'id',
      'event: x',
      'retry: 5',
      ': c',
      'é€😀',
      '\r',
      '\n',
      '\r\n',
      '\n\n',
      '\uFEFF',
      '\0',
    )
    fc.assert(
      fc.property(
        fc.array(pieces, { maxLength: 30 }),
        fc.array(fc.nat(200), { maxLength: 6 }),
        (parts, cuts) => {
          const bytes = toBytes(parts.join(''))
          const points = [
            0,
            ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b),
            bytes.length,
          ]
          const chunks = points.slice(1).map((point, index) => bytes.subarray(points[index], point))
          expect(decodeAll(chunks)).toEqual(decodeAll([bytes]))
        },
      ),
    )
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

  it('the decoder does not hold a line that is no field, whatever its length', () => {
    const { errors, blocks } = decodeAll(
      [...Array.from({ length: 50 }, () => toBytes('x'.repeat(1000))), toBytes('\ndata: a\n\n')],
      2000,
    )
    expect(errors).toEqual([])
    expect(blocks).toEqual([{ event: 'message', data: 'a' }])
  })
})
