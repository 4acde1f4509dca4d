import { parsePosition } from './position.ts'

/** The last event ID string, and what may move it. */
export interface ResumePosition {
  /** Sent as `Last-Event-ID`; empty if there is none. */
  readonly lastEventId: string
  /** Takes note of an event. @returns False if it is a repeat, which must not be dispatched. */
  admit(type: string, id: string | undefined): boolean
  /** Takes note of a block that has an id and no data. */
  move(id: string): void
}

/** The rules of the standard, which knows no repeats: every id is taken as it comes. */
export function standardPosition(lastEventId: string): ResumePosition {
  const position = {
    lastEventId,
    admit(_type: string, id: string | undefined) {
      if (id !== undefined) position.lastEventId = id
      return true
    },
    move(id: string) {
      position.lastEventId = id
    },
  }
  return position
}

/**
 * The rules of our server's ids, on top of the standard's for all others: within one epoch the position only rises,
 * and what is not above it is a repeat, until a `stream.gap` sets it.
 *
 * @see docs/wire-contract.md
 */
export function contractPosition(initial: string): ResumePosition {
  let lastEventId = ''
  // The parts of lastEventId if it has the form of our server, so that the next id of the epoch costs no regexp.
  let epochPrefix: string | undefined
  let lastSeq = 0
  jump(initial)

  function jump(id: string): void {
    const position = parsePosition(id)
    lastEventId = id
    epochPrefix = position && `${position.epoch}-`
    lastSeq = position?.seq ?? 0
  }

  /** @returns False if `id` is not above the position. */
  function rise(id: string): boolean {
    if (epochPrefix !== undefined && id.startsWith(epochPrefix)) {
      const digits = id.slice(epochPrefix.length)
      const seq = Number(digits)
      // Number() also takes '', '1e3' and '0x1', which are no positions.
      if (Number.isSafeInteger(seq) && String(seq).length === digits.length) {
        if (seq <= lastSeq) return false
        lastEventId = id
        lastSeq = seq
        return true
      }
    }
    jump(id)
    return true
  }

  return {
    get lastEventId() {
      return lastEventId
    },
    admit(type, id) {
      if (id === undefined) return true
      if (type === 'stream.gap') jump(id)
      // An announcement (stream.end, stream.error) may bear the id of the event before it and still is none.
      else if (!rise(id)) return type.startsWith('stream.')
      return true
    },
    move(id) {
      rise(id)
    },
  }
}
