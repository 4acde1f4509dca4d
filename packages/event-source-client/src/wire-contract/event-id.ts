/**
 * The place in an event log that an id of our server's form stands for: `<epoch>-<seq>`, `k3v9x0q2-1041`.
 *
 * @see docs/reference/wire-contract.md, "Ids are positions"
 */
export interface Position {
  readonly epoch: string
  readonly seq: number
}

/** @returns Undefined for an id of any other form, which is then an opaque string as in the standard. */
export function parsePosition(id: string): Position | undefined {
  const [, epoch, digits] = /^(\w{1,32})-(0|[1-9]\d*)$/.exec(id) ?? []
  const seq = Number(digits)
  // Beyond that, numbers are not exact.
  return epoch && seq < 2 ** 53 ? { epoch, seq } : undefined
}

/**
 * The decimal number from `start` to the end: a safe integer, without a leading zero. By hand, since it is read from
 * every event of our server: `Number(id.slice(start))` takes as long as the rest of the event's way.
 */
export function readSeq(id: string, start: number): number | undefined {
  const { length } = id
  let seq = 0
  for (let index = start; index < length; index += 1) {
    const digit = id.charCodeAt(index) - 0x30
    if (!(digit >= 0 && digit <= 9) || (seq === 0 && index > start)) return undefined
    seq = seq * 10 + digit
  }
  return length > start && seq < 2 ** 53 ? seq : undefined
}
