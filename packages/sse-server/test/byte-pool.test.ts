import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BytePool } from '../src/connection/byte-pool.ts'

const encoder = new TextEncoder()

describe('a pool for UTF-8', () => {
  it('encodes as TextEncoder does, and no text touches another', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.string({ unit: 'binary', minLength: 900, maxLength: 1100 }),
      // Lone surrogates.
      fc.string({ unit: fc.constantFrom('\ud800', '\udc00', 'a', '\u20ac') }),
    )
    fc.assert(
      fc.property(fc.array(text, { maxLength: 60 }), (texts) => {
        const pool = new BytePool()
        const encoded = texts.map((each) => pool.encode(each))
        // Only now: what came later must not have changed what came before.
        expect(encoded).toEqual(texts.map((each) => encoder.encode(each)))
      }),
    )
  })

  it('puts short texts into one buffer, and begins another when it is full', () => {
    const pool = new BytePool()
    const buffers = Array.from({ length: 200 }, () => pool.encode('x'.repeat(80)).buffer)
    expect(new Set(buffers).size).toBe(2)
    expect(buffers[0]?.byteLength).toBe(8192)
  })

  it('gives long texts memory of their own, so that they hold nothing else', () => {
    const pool = new BytePool()
    expect(pool.encode('x'.repeat(1025)).buffer.byteLength).toBe(1025)
    const widest = '\u20ac'.repeat(1024)
    expect(pool.encode(widest)).toEqual(encoder.encode(widest))
  })
})
