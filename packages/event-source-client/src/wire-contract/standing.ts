/**
 * What a connection has shown of the wire contract so far:
 *
 * - `stranger`: nothing. An id is only an id, and no event is the server's own.
 * - `opaque-ids`: the server follows the contract, but the ids are the application's.
 * - `positions`: the server follows the contract, ids included.
 *
 * @see docs/reference/wire-contract.md, "The mark"
 */
export type Standing = 'stranger' | 'opaque-ids' | 'positions'

/** What the option `wireContract` may be. */
export type ContractMode = 'auto' | 'follow' | 'ignore'

/**
 * Reads a comment, which may be the mark.
 *
 * @param isFirst - No event came before it on the connection. A later comment of that text is not the mark.
 */
export function readStanding(comment: string, standing: Standing, isFirst: boolean): Standing {
  if (isFirst && comment === 'sse-toolkit 1') return 'positions'
  return comment === 'opaque ids' && standing !== 'stranger' ? 'opaque-ids' : standing
}

/** What a client with this option makes of it. */
export function standingFor(mode: ContractMode, standing: Standing): Standing {
  return mode === 'auto' ? standing : mode === 'follow' ? 'positions' : 'stranger'
}
