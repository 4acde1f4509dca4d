const magicNumber = 0xfd_2f_b5_28
const rleBlock = 1
/** The length of the content size, by the upper two bits of the frame header's descriptor. */
const contentSizeBytes = [0, 2, 4, 8] as const
/** The length of the dictionary ID, by the lower two bits. */
const dictionaryIdBytes = [0, 1, 2, 4] as const

/**
 * Finds the end of one zstd frame without decompressing it (RFC 8878 section 3.1.1):
 *
 *     magic  header                                    blocks                             checksum
 *     4      1: descriptor + 0 to 13: what it names    (3: last, type, size + content)+   0 or 4
 *
 * Some releases of Node 22 accept a truncated frame, and some releases of Node 26 read on after the end of the frame.
 */
export class ZstdFrame {
  readonly #parts = partsOfFrame()
  /** How many bytes of the current part have not arrived yet. */
  #missing = 0
  /** The value of the current part so far, as a little-endian number of its first four bytes. */
  #value = 0
  #takenOfPart = 0
  #state: 'inside' | 'whole' | 'beyond' = 'inside'

  constructor() {
    this.#next()
  }

  /** Whether the bytes so far are exactly one frame. */
  get isWhole(): boolean {
    return this.#state === 'whole'
  }

  take(chunk: Uint8Array): void {
    let offset = 0
    while (offset < chunk.length) {
      if (this.#state !== 'inside') {
        this.#state = 'beyond'
        return
      }
      const taken = Math.min(this.#missing, chunk.length - offset)
      for (let index = 0; index < taken && this.#takenOfPart + index < 4; index += 1)
        this.#value += (chunk[offset + index] ?? 0) * 256 ** (this.#takenOfPart + index)
      this.#takenOfPart += taken
      this.#missing -= taken
      offset += taken
      if (this.#missing === 0) this.#next()
    }
  }

  #next(): void {
    do {
      const { done, value } = this.#parts.next(this.#value)
      this.#value = 0
      this.#takenOfPart = 0
      if (done === true) {
        this.#state = value
        return
      }
      this.#missing = value
    } while (this.#missing === 0)
  }
}

/** Yields the length of each part and receives the part's value. Returns `'beyond'` if the bytes are not a zstd frame. */
function* partsOfFrame(): Generator<number, 'whole' | 'beyond', number> {
  if ((yield 4) !== magicNumber) return 'beyond'
  const descriptor = yield 1
  const isSingleSegment = (descriptor & 0b10_0000) !== 0
  const contentSize = contentSizeBytes[(descriptor >> 6) as 0 | 1 | 2 | 3]
  yield (
    (isSingleSegment ? 0 : 1) +
      dictionaryIdBytes[(descriptor & 0b11) as 0 | 1 | 2 | 3] +
      (contentSize === 0 && isSingleSegment ? 1 : contentSize)
  )
  let header: number
  do {
    header = yield 3
    const type = (header >> 1) & 0b11
    // An RLE block has one byte. Its size says how often that byte repeats.
    yield type === rleBlock ? 1 : header >> 3
  } while ((header & 1) === 0)
  if ((descriptor & 0b100) !== 0) yield 4
  return 'whole'
}
