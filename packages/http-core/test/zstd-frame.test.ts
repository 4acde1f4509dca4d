import { Buffer } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import { constants, createZstdCompress, zstdCompressSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { ZstdFrame } from '../src/node/compression/zstd-frame.ts'

/** A frame of unknown content size, with a block for each flush. */
async function streamed(pieces: readonly string[]): Promise<Buffer> {
  const compressor = createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } })
  for (const piece of pieces) {
    compressor.write(piece)
    await new Promise<void>((resolve) => {
      compressor.flush(constants.ZSTD_e_flush, resolve)
    })
  }
  compressor.end()
  return Buffer.concat(await compressor.toArray())
}

const FRAMES: readonly (readonly [name: string, frame: Buffer])[] = [
  ['of text', zstdCompressSync('An event stream that survives. '.repeat(10))],
  ['of nothing', zstdCompressSync('')],
  ['of bytes that cannot be compressed', zstdCompressSync(randomBytes(300_000))],
  ['of one byte again and again', zstdCompressSync(Buffer.alloc(200_000))],
  ['with a checksum', zstdCompressSync('abc', { params: { [constants.ZSTD_c_checksumFlag]: 1 } })],
  [
    'without its content size',
    zstdCompressSync('abc', { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } }),
  ],
  ['of a content size of two bytes', zstdCompressSync('x'.repeat(1000))],
  ['that was flushed', await streamed(['one', 'two', 'three'])],
]

describe('a zstd frame (RFC 8878 section 3.1.1)', () => {
  it.each(FRAMES)('%s is whole with its last byte and not before, byte by byte', (_name, frame) => {
    const read = new ZstdFrame()
    const wholeAt: number[] = []
    for (const [index, byte] of frame.entries()) {
      read.take(Uint8Array.of(byte))
      if (read.isWhole) wholeAt.push(index)
    }
    expect(wholeAt).toEqual([frame.length - 1])
  })

  it.each(FRAMES)('%s is whole wherever it is split', (_name, frame) => {
    const step = Math.max(1, Math.floor(frame.length / 100))
    for (let at = 0; at < frame.length; at += step) {
      const read = new ZstdFrame()
      read.take(frame.subarray(0, at))
      expect(read.isWhole).toBe(false)
      read.take(frame.subarray(at))
      expect(read.isWhole).toBe(true)
    }
  })

  it.each(FRAMES)('%s is not whole with anything behind it', (_name, frame) => {
    const split = new ZstdFrame()
    split.take(frame)
    split.take(Uint8Array.of(0))
    expect(split.isWhole).toBe(false)
    const atOnce = new ZstdFrame()
    atOnce.take(Buffer.concat([frame, frame]))
    expect(atOnce.isWhole).toBe(false)
  })

  it('is not what begins otherwise', () => {
    const read = new ZstdFrame()
    read.take(Buffer.from('not compressed at all'))
    expect(read.isWhole).toBe(false)
  })
})
