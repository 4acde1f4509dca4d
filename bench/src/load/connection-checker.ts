/**
 * Reads one response, as cheaply as it can be done and still be sure of what came: takes the chunked coding apart, and
 * checks the number at the start of each event's data.
 *
 *     HTTP/1.1 200 ...\r\n ... \r\n\r\n    head: checked once
 *     4a\r\n ... \r\n 4a\r\n ... \r\n      chunk size, content, line end, again and again
 *     ... data: 0000000042 xxx\n ...       in the content: the number has to be the next one
 *
 * Bytes come split anywhere, so all state is between them. Where there is no chunked coding, all that follows the head is
 * content.
 */
export class ConnectionChecker {
  /** Of the next event. */
  nextSeq = 0
  chunks = 0
  /** The first fault; the rest of the connection is not read. */
  fault: string | undefined
  #state: State = State.head
  #head = ''
  #chunkLeft = 0
  /** The number of events after which an end is not a fault. */
  readonly #expectedEvents: number
  // How much of the field name has been matched; `numberAt` and above: within the number; -1: not in this line.
  #column = 0
  #number = 0

  constructor(expectedEvents: number = Number.POSITIVE_INFINITY) {
    this.#expectedEvents = expectedEvents
  }

  /** All that was expected has come. */
  get isComplete(): boolean {
    return this.nextSeq === this.#expectedEvents && this.fault === undefined
  }

  get isOpen(): boolean {
    return this.#state !== State.head && this.fault === undefined
  }

  /** @returns how many events were completed. */
  read(bytes: Uint8Array, length: number): number {
    const firstSeq = this.nextSeq
    let offset = this.#state === State.head ? this.#readHead(bytes, length) : 0
    while (offset < length && this.fault === undefined) {
      if (this.#state === State.content) {
        const end = Math.min(length, offset + this.#chunkLeft)
        this.#readContent(bytes, offset, end)
        this.#chunkLeft -= end - offset
        offset = end
        if (this.#chunkLeft === 0) this.#state = State.contentEnd
      } else {
        this.#readFraming(bytes[offset] ?? 0)
        offset += 1
      }
    }
    return this.nextSeq - firstSeq
  }

  #readHead(bytes: Uint8Array, length: number): number {
    const before = this.#head.length
    this.#head += Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('latin1')
    const end = this.#head.indexOf('\r\n\r\n')
    if (end === -1) return length
    if (!this.#head.startsWith('HTTP/1.1 200 ')) {
      this.fault = `it was answered ${this.#head.slice(0, this.#head.indexOf('\r\n'))}`
    }
    const isChunked = /^transfer-encoding: chunked\r?$/im.test(this.#head.slice(0, end + 2))
    this.#state = isChunked ? State.chunkSize : State.content
    // Content without framing goes on to the end of the connection.
    if (!isChunked) this.#chunkLeft = Number.POSITIVE_INFINITY
    this.#head = ''
    return end + 4 - before
  }

  #readFraming(byte: number): void {
    if (byte === cr) return
    if (this.#state === State.contentEnd) {
      if (byte === lf) this.#state = State.chunkSize
      else this.fault = 'the chunked coding is broken'
    } else if (byte !== lf) {
      const digit = hexDigit(byte)
      if (digit === -1) this.fault = 'the chunked coding is broken'
      else this.#chunkLeft = this.#chunkLeft * 16 + digit
    } else if (this.#chunkLeft === 0) {
      if (!this.isComplete) this.fault = `the response ended before event ${this.nextSeq}`
    } else {
      this.#state = State.content
      this.chunks += 1
    }
  }

  #readContent(bytes: Uint8Array, start: number, end: number): void {
    let column = this.#column
    for (let index = start; index < end; index += 1) {
      const byte = bytes[index] ?? 0
      if (byte === lf) {
        column = 0
      } else if (column >= numberAt) {
        if (byte >= zero && byte <= nine) {
          column = numberAt + 1
          this.#number = this.#number * 10 + byte - zero
        } else {
          // [spec] "If value starts with a U+0020 SPACE character, remove it from value."
          if (byte === space && column === numberAt) {
            column += 1
            continue
          }
          column = -1
          if (this.#number !== this.nextSeq) {
            this.fault = `event ${this.#number} came in the place of ${this.nextSeq}`
            return
          }
          this.nextSeq += 1
        }
      } else if (column !== -1) {
        column = byte === fieldName[column] ? column + 1 : -1
        if (column === numberAt) this.#number = 0
      }
    }
    this.#column = column
  }
}

const State = { head: 0, chunkSize: 1, content: 2, contentEnd: 3 } as const
type State = (typeof State)[keyof typeof State]

const cr = 0x0d
const lf = 0x0a
const space = 0x20
const zero = 0x30
const nine = 0x39
const fieldName = Buffer.from('data:')
const numberAt = fieldName.length

function hexDigit(byte: number): number {
  if (byte >= zero && byte <= nine) return byte - zero
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1
}
