/** Three heartbeats in a row that did not come are a dead peer. */
export const missedHeartbeats = 3

/**
 * How long a connection may be silent, by a comment of our server that says how often at least something is written:
 *
 *     : heartbeat 15000
 *
 * @returns Milliseconds; NaN for any other comment.
 * @see docs/reference/wire-contract.md, "The first block"
 */
export function readSilenceLimit(comment: string): number {
  return Number(/^heartbeat (\d{1,9})$/.exec(comment)?.[1]) * missedHeartbeats
}
