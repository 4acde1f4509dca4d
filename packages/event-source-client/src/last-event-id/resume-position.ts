import { parsePosition, readSeq } from '../wire-contract/event-id.ts'

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
  // The parts of lastEventId if it has the form of our server, so that the next id of the epoch costs no regexp.
  let epochPrefix: string | undefined
  let lastSeq = 0

  function jump(id: string): void {
    const parts = parsePosition(id)
    position.lastEventId = id
    epochPrefix = parts && `${parts.epoch}-`
    lastSeq = parts?.seq ?? 0
  }

  /** @returns False if `id` is not above the position. */
  function rise(id: string): boolean {
    const seq =
      epochPrefix !== undefined && id.startsWith(epochPrefix) ? readSeq(id, epochPrefix.length) : undefined
    if (seq === undefined) jump(id)
    else if (seq <= lastSeq) return false
    else {
      position.lastEventId = id
      lastSeq = seq
    }
    return true
  }

  const position = {
    lastEventId: '',
    admit(type: string, id: string | undefined) {
      if (id === undefined) return true
      if (type === 'stream.gap') jump(id)
      // An announcement (stream.end, stream.error) may bear the id of the event before it and still is none.
      else return rise(id) || type.startsWith('stream.')
      return true
    },
    move: rise,
  }
  jump(initial)
  return position
}
