const encoder = new TextEncoder()

/** What is cut up. As Node's pool of Buffers: what is left of one that has no room costs little. */
const slabBytes = 8192
/** Longer texts get memory of their own. In UTF-16 code units, each of which is at most three bytes. */
const longestPooledText = slabBytes / 8

/**
 * Encodes many short texts as UTF-8, into memory that they share.
 *
 *     slab  | text 1 | text 2 | text 3 |      free      |
 *
 * An ArrayBuffer for each text costs several times what encoding it does, to make and to collect, and more memory than
 * the text. In exchange, a slab lives as long as any of its texts; and code that takes `bytes.buffer` for a text gets those
 * of others: these bytes are for use inside the package, and are copied before they leave it.
 */
export class BytePool {
  #slab = new Uint8Array(slabBytes)
  #used = 0

  encode(text: string): Uint8Array {
    if (text.length > longestPooledText) return encoder.encode(text)
    const { read, written } = encoder.encodeInto(text, this.#slab.subarray(this.#used))
    if (read < text.length) {
      this.#slab = new Uint8Array(slabBytes)
      this.#used = 0
      return this.encode(text)
    }
    const start = this.#used
    this.#used += written
    return this.#slab.subarray(start, this.#used)
  }
}
