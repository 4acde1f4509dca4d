import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { createParser } from 'eventsource-parser'
import type { EventSourceParser } from 'eventsource-parser'

/** The findings of a soak's reader, over all of its connections. */
export interface SoakReport {
  received: number
  repeated: number
  outOfOrder: number
  /** Events that neither came nor lay in an announced gap. */
  missing: number
  /** Events that lay in announced gaps. */
  announced: number
  gaps: number
  connections: number
}

/**
 * One client: it holds to its position through all that happens to it, and checks that each of its topics' events comes
 * once, in order, except in announced gaps.
 */
export class SoakReader {
  readonly report: SoakReport = {
    received: 0,
    repeated: 0,
    outOfOrder: 0,
    missing: 0,
    announced: 0,
    gaps: 0,
    connections: 0,
  }
  readonly topics: readonly number[]
  readonly #port: number
  // The count of the last event of each topic, and whether a gap was announced since then.
  readonly #last = new Map<number, { count: number; gapTold: boolean }>()
  #socket: Socket | undefined
  #lastEventId = ''

  constructor(port: number, topics: readonly number[]) {
    this.#port = port
    this.topics = topics
    for (const topic of topics) this.#last.set(topic, { count: 0, gapTold: false })
  }

  get isConnected(): boolean {
    return this.#socket !== undefined
  }

  connect(onOpen?: () => void): void {
    const socket = connect(this.#port, '127.0.0.1')
    this.#socket = socket
    this.report.connections += 1
    const decode = createChunkedDecoder(this.#createParser(), onOpen)
    const lastEventId = this.#lastEventId === '' ? '' : `Last-Event-ID: ${this.#lastEventId}\r\n`
    const topics = this.topics.map((topic) => `t.${topic}`).join(',')
    socket.setEncoding('latin1')
    socket.on('connect', () => {
      socket.write(`GET /events?topics=${topics} HTTP/1.1\r\nHost: localhost\r\n${lastEventId}\r\n`)
    })
    // Events that arrived on a connection after the reader left it are not read: its position covers only handled events.
    socket.on('data', (piece: string) => {
      if (this.#socket === socket) decode(piece)
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      if (this.#socket === socket) this.#socket = undefined
    })
  }

  leave(): void {
    const socket = this.#socket
    this.#socket = undefined
    socket?.destroy()
  }

  stall(): void {
    this.#socket?.pause()
  }

  resume(): void {
    this.#socket?.resume()
  }

  /** Whether the reader has all events up to the counts, or a gap for the rest. */
  isComplete(counts: readonly number[]): boolean {
    return this.topics.every((topic) => (this.#last.get(topic)?.count ?? 0) >= (counts[topic] ?? 0))
  }

  #createParser(): EventSourceParser {
    return createParser({
      onId: (id) => {
        this.#lastEventId = id
      },
      onEvent: ({ event, data }) => {
        if (event === 'stream.gap') this.#onGap()
        else this.#onEvent(data)
      },
    })
  }

  #onGap(): void {
    this.report.gaps += 1
    for (const last of this.#last.values()) last.gapTold = true
  }

  #onEvent(data: string): void {
    const [topic = Number.NaN, count = Number.NaN] = data.split(' ').map(Number)
    const last = this.#last.get(topic)
    const { report } = this
    if (last === undefined) throw new Error(`an event of another topic: ${data.slice(0, 40)}`)
    report.received += 1
    const skipped = count - last.count - 1
    if (skipped === -1) report.repeated += 1
    else if (skipped < 0) report.outOfOrder += 1
    else if (last.gapTold) report.announced += skipped
    else report.missing += skipped
    last.count = Math.max(last.count, count)
    last.gapTold = false
  }
}

/** Takes the chunked coding apart, for content in ASCII. */
function createChunkedDecoder(
  parser: EventSourceParser,
  onOpen: (() => void) | undefined,
): (piece: string) => void {
  let rest = ''
  let isHead = true
  return (piece) => {
    rest += piece
    if (isHead) {
      const end = rest.indexOf('\r\n\r\n')
      if (end === -1) return
      rest = rest.slice(end + 4)
      isHead = false
      onOpen?.()
    }
    for (;;) {
      const end = rest.indexOf('\r\n')
      const size = end === -1 ? 0 : Number.parseInt(rest.slice(0, end), 16)
      if (size === 0 || rest.length < end + 2 + size + 2) return
      parser.feed(rest.slice(end + 2, end + 2 + size))
      rest = rest.slice(end + 2 + size + 2)
    }
  }
}
