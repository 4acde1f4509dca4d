/**
 * The place in an event log that an id of our server's form stands for: `<epoch>-<seq>`, `k3v9x0q2-1041`.
 *
 * @see docs/wire-contract.md, "Ids are positions"
 */
export interface Position {
  readonly epoch: string
  readonly seq: number
}

/** @returns Undefined for an id of any other form, which is then an opaque string as in the standard. */
export function parsePosition(id: string): Position | undefined {
  // Most ids of other servers are numbers; a regexp would cost more than the rest of the event's way.
  if (!id.includes('-')) return undefined
  const match = /^(\w{1,32})-(0|[1-9]\d{0,15})$/.exec(id)
  const [, epoch, digits] = match ?? []
  if (epoch === undefined || digits === undefined) return undefined
  const seq = Number(digits)
  return Number.isSafeInteger(seq) ? { epoch, seq } : undefined
}
