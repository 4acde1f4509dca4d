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
  // Asked of every id of other servers: a regexp, or `includes`, would cost more than the rest of the event's way.
  const hyphen = id.indexOf('-')
  if (hyphen < 1) return undefined
  const epoch = id.slice(0, hyphen)
  const seq = readSeq(id, hyphen + 1)
  return seq !== undefined && /^\w{1,32}$/.test(epoch) ? { epoch, seq } : undefined
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
  // Beyond that, numbers are not exact.
  return length > start && seq < 2 ** 53 ? seq : undefined
}
