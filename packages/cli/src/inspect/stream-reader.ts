import { announcedHeartbeatMs } from '../wire-contract/words.ts'

/**
 * Reads an event stream as a pathologist, not as a client: what a client must pass over is what is looked for here.
 *
 *     bytes --cut at CR, LF, CR LF--> lines --at empty lines--> blocks
 *
 * Memory is bounded: of a line only its beginning is kept, of blocks only the latest.
 */
export interface StreamReader {
  read(atMs: number, bytes: Uint8Array): void
  /** As seen so far. */
  readonly reading: StreamReading
}

export interface Block {
  /** When its first byte came, and its last. */
  readonly beganAtMs: number
  readonly atMs: number
  readonly byteLength: number
  readonly comments: readonly string[]
  /** Undefined where the block has no such field. */
  readonly data: string | undefined
  readonly type: string | undefined
  readonly id: string | undefined
  readonly retry: string | undefined
}

/** A read of the socket. */
interface Arrival {
  readonly atMs: number
  readonly byteLength: number
  /** How many events ended in it. */
  events: number
}

type LineEnding = 'lf' | 'cr' | 'crlf'

export interface StreamReading {
  byteCount: number
  lastByteAtMs: number | undefined
  longestSilenceMs: number
  /** The latest ones, and how many there were. */
  blocks: readonly Block[]
  counts: {
    blocks: number
    events: number
    comments: number
    eventsWithId: number
    withoutData: number
    retry: number
  }
  arrivals: readonly Arrival[]
  lineEndings: Record<LineEnding, number>
  byteOrderMarks: { leading: boolean; inside: number }
  invalidUtf8Lines: number
  longestLineBytes: number
  /** Unknown field names, and how often each was seen. */
  unknownFields: ReadonlyMap<string, number>
  badRetries: readonly string[]
  lastRetryMs: number | undefined
  idsWithNul: number
  repeatedIds: number
  announcedHeartbeatMs: number | undefined
  /** The body's beginning, as text. */
  beginning: string
  /** Bytes of a block that has not ended. */
  unfinishedBytes: number
}

/** A line longer than this is kept no further: an event of its size is refused by careful clients anyway. */
export const maxLineBytes: number = 256 * 1024
const maxBlocks = 1_000
const maxArrivals = 10_000
const maxUnknownFields = 20
const maxBadRetries = 5
const beginningLength = 200
const maxRememberedIds = 2_000
const [LF, CR] = [10, 13]

interface OpenBlock {
  beganAtMs: number
  byteLength: number
  lines: number
  comments: string[]
  data: string[]
  type: string | undefined
  id: string | undefined
  retry: string | undefined
}

export function createStreamReader(): StreamReader {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const lenient = new TextDecoder('utf-8', { ignoreBOM: true })
  const line = new Uint8Array(maxLineBytes)
  let lineBytes = 0
  let endedWithCr = false
  let isFirstLine = true
  let block: OpenBlock | undefined
  const blocks: Block[] = []
  const arrivals: Arrival[] = []
  const unknownFields = new Map<string, number>()
  const badRetries: string[] = []
  const ids = new Set<string>()
  const reading: StreamReading = {
    byteCount: 0,
    lastByteAtMs: undefined,
    longestSilenceMs: 0,
    blocks,
    counts: { blocks: 0, events: 0, comments: 0, eventsWithId: 0, withoutData: 0, retry: 0 },
    arrivals,
    lineEndings: { lf: 0, cr: 0, crlf: 0 },
    byteOrderMarks: { leading: false, inside: 0 },
    invalidUtf8Lines: 0,
    longestLineBytes: 0,
    unknownFields,
    badRetries,
    lastRetryMs: undefined,
    idsWithNul: 0,
    repeatedIds: 0,
    announcedHeartbeatMs: undefined,
    beginning: '',
    unfinishedBytes: 0,
  }

  function decodeLine(): string {
    const bytes = line.subarray(0, Math.min(lineBytes, maxLineBytes))
    try {
      return strict.decode(bytes)
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      // A line that was cut short may have been cut inside a character.
      if (lineBytes <= maxLineBytes) reading.invalidUtf8Lines += 1
      return lenient.decode(bytes)
    }
  }

  function endLine(atMs: number, arrival: Arrival): void {
    reading.longestLineBytes = Math.max(reading.longestLineBytes, lineBytes)
    let text = decodeLine()
    lineBytes = 0
    if (text.startsWith('\uFEFF')) {
      if (isFirstLine) {
        reading.byteOrderMarks.leading = true
        text = text.slice(1)
      } else reading.byteOrderMarks.inside += 1
    }
    isFirstLine = false
    if (block === undefined) return
    if (text !== '') readLine(block, text)
    else if (block.lines > 0) endBlock(block, atMs, arrival)
    // One empty line after another ends nothing.
    else block = undefined
  }

  function readLine(open: OpenBlock, text: string): void {
    open.lines += 1
    const colon = text.indexOf(':')
    if (colon === 0) {
      const comment = text.slice(1).replace(/^ /, '')
      open.comments.push(comment)
      reading.announcedHeartbeatMs = announcedHeartbeatMs(comment) ?? reading.announcedHeartbeatMs
      return
    }
    const name = colon === -1 ? text : text.slice(0, colon)
    const value = colon === -1 ? '' : text.slice(colon + 1).replace(/^ /, '')
    if (name === 'data') open.data.push(value)
    else if (name === 'event') open.type = value
    else if (name === 'id') {
      if (value.includes('\0')) reading.idsWithNul += 1
      else open.id = value
    } else if (name === 'retry') readRetry(open, value)
    else {
      const known = name.slice(0, 40)
      if (unknownFields.has(known) || unknownFields.size < maxUnknownFields)
        unknownFields.set(known, (unknownFields.get(known) ?? 0) + 1)
    }
  }

  function readRetry(open: OpenBlock, value: string): void {
    open.retry = value
    if (/^[0-9]+$/.test(value)) {
      reading.counts.retry += 1
      reading.lastRetryMs = Number(value)
    } else if (badRetries.length < maxBadRetries) badRetries.push(value.slice(0, 40))
  }

  function endBlock(open: OpenBlock, atMs: number, arrival: Arrival): void {
    block = undefined
    const { beganAtMs, byteLength, comments, type, id, retry } = open
    const data = open.data.length === 0 ? undefined : open.data.join('\n')
    const { counts } = reading
    counts.blocks += 1
    counts.comments += comments.length
    if (data === undefined) {
      if (type !== undefined) counts.withoutData += 1
    } else {
      counts.events += 1
      arrival.events += 1
      if (id !== undefined) countId(id)
    }
    blocks.push({ beganAtMs, atMs, byteLength, comments, data, type, id, retry })
    if (blocks.length > maxBlocks) blocks.shift()
  }

  function countId(id: string): void {
    reading.counts.eventsWithId += 1
    if (id === '') return
    if (ids.has(id)) reading.repeatedIds += 1
    else if (ids.size < maxRememberedIds) ids.add(id)
  }

  return {
    reading,
    read(atMs, bytes) {
      if (bytes.length === 0) return
      reading.longestSilenceMs = Math.max(reading.longestSilenceMs, atMs - (reading.lastByteAtMs ?? atMs))
      reading.lastByteAtMs = atMs
      reading.byteCount += bytes.length
      if (reading.beginning.length < beginningLength)
        reading.beginning += lenient.decode(bytes.subarray(0, beginningLength - reading.beginning.length))
      const arrival: Arrival = { atMs, byteLength: bytes.length, events: 0 }
      arrivals.push(arrival)
      if (arrivals.length > maxArrivals) arrivals.shift()

      for (const byte of bytes) {
        if (byte === LF && endedWithCr) {
          // The second half of a CR LF does not end another line.
          endedWithCr = false
          reading.lineEndings.cr -= 1
          reading.lineEndings.crlf += 1
          if (block !== undefined) block.byteLength += 1
          continue
        }
        endedWithCr = byte === CR
        block ??= {
          beganAtMs: atMs,
          byteLength: 0,
          lines: 0,
          comments: [],
          data: [],
          type: undefined,
          id: undefined,
          retry: undefined,
        }
        block.byteLength += 1
        if (byte === LF || byte === CR) {
          reading.lineEndings[byte === LF ? 'lf' : 'cr'] += 1
          endLine(atMs, arrival)
        } else {
          if (lineBytes < maxLineBytes) line[lineBytes] = byte
          lineBytes += 1
        }
      }
      reading.longestLineBytes = Math.max(reading.longestLineBytes, lineBytes)
      reading.unfinishedBytes = block?.byteLength ?? 0
    },
  }
}
