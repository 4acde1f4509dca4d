/*
 * The words of docs/reference/wire-contract.md that a shell needs. Nothing else of this package knows them.
 */

/** Whether a comment says that the stream follows the wire contract. */
export function saysContract(comment: string): boolean {
  return comment.startsWith('sse-toolkit ')
}

/** Whether events of this type are the server's own, where the stream follows the contract. */
export function isReserved(type: string): boolean {
  return type.startsWith('stream.')
}

/** How long a comment says that the stream may be silent, in milliseconds; undefined if it says nothing of it. */
export function announcedHeartbeatMs(comment: string): number | undefined {
  const [, interval] = /^heartbeat (\d{1,9})$/.exec(comment) ?? []
  return interval === undefined ? undefined : Number(interval)
}
