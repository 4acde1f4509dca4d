/** Where a reader's requests come from. */
interface Visitor {
  readonly address: string | undefined
  readonly userAgent: string | undefined
}

/** The hub knows identities; this knows where they are. The ones that were seen last are kept. */
export interface Visitors {
  note(identity: string, visitor: Visitor): void
  find(identity: string): Visitor | undefined
}

const MAX_VISITORS = 2_000
const MAX_USER_AGENT_LENGTH = 200

export function createVisitors(): Visitors {
  const known = new Map<string, Visitor>()
  return {
    note(identity, { address, userAgent }) {
      // Last in the order of insertion: last to be forgotten.
      known.delete(identity)
      known.set(identity, { address, userAgent: userAgent?.slice(0, MAX_USER_AGENT_LENGTH) })
      const [oldest] = known.keys()
      if (known.size > MAX_VISITORS && oldest !== undefined) known.delete(oldest)
    },
    find: (identity) => known.get(identity),
  }
}
