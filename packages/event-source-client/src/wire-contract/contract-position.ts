import type { ResumePosition } from '../last-event-id/resume-position.ts'
import { readSeq } from './event-id.ts'
import type { Position } from './event-id.ts'
import { gapType, isReserved } from './reserved-events.ts'

/**
 * The rules of our server's ids, on top of the standard's for all others: within one epoch the position only rises,
 * and what is not above it is a repeat, until a gap sets it.
 *
 * @param parsePosition - Which ids are our server's. Where none is, the rules are the standard's.
 * @see docs/wire-contract.md, "Ids are positions"
 */
export function contractPosition(
  initial: string,
  parsePosition: (id: string) => Position | undefined,
): ResumePosition {
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
    const seq = epochPrefix && id.startsWith(epochPrefix) ? readSeq(id, epochPrefix.length) : undefined
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
      if (type === gapType) jump(id)
      // What the server says of the stream may bear the id of the event before it, and still is no repeat.
      return rise(id) || isReserved(type)
    },
    move: rise,
  }
  jump(initial)
  return position
}
