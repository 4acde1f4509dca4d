import type { ResumePosition } from '../last-event-id/resume-position.ts'
import { parsePosition, readSeq } from './event-id.ts'
import { gapType, isReserved } from './reserved-events.ts'
import type { Standing } from './standing.ts'

/** A {@link ResumePosition} that knows the wire contract. */
export interface ContractPosition extends ResumePosition {
  /** What the connection at hand has shown: `stranger` until it has shown anything. */
  readonly standing: Standing
  readonly follow: (standing: Standing) => void
}

/**
 * The rules of our server's ids, where a connection has shown that it has such: within one epoch the position only rises,
 * and what is not above it is a repeat, until a gap sets it. For all other ids the rules are the standard's.
 *
 * @see docs/reference/wire-contract.md, "Ids are positions"
 */
export function contractPosition(lastEventId: string): ContractPosition {
  // The parts of lastEventId if it is a position, so that the next id of the epoch costs no regexp.
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
    if (position.standing !== 'positions') position.lastEventId = id
    else if (seq === undefined) jump(id)
    else if (seq <= lastSeq) return false
    else {
      position.lastEventId = id
      lastSeq = seq
    }
    return true
  }

  const position = {
    lastEventId,
    standing: 'stranger' as Standing,
    follow(standing: Standing) {
      position.standing = standing
      // What was an id only, or a position of the connection before.
      if (standing === 'positions') jump(position.lastEventId)
      else epochPrefix = undefined
    },
    admit(type: string, id: string | undefined) {
      if (id === undefined) return true
      if (position.standing === 'positions' && type === gapType) jump(id)
      // A reserved event may carry the id of the event before it without being a repeat.
      return rise(id) || isReserved(type)
    },
    move: rise,
  }
  return position
}
