/** Where a reader's requests come from. */
interface Visitor {
  readonly address: string | undefined
  readonly userAgent: string | undefined
}

interface KnownVisitor extends Visitor {
  openStreams: number
  /** Milliseconds since 1970; undefined before its first stream. */
  since: number | undefined
  leftAt: number
}

/** The hub knows identities; this knows where they are, and since when. The ones that were seen last are kept. */
export interface Visitors {
  note(identity: string, visitor: Visitor): void
  find(identity: string): (Visitor & { readonly since: number | undefined }) | undefined
  /**
   * A stream of it was opened.
   *
   * @param goesBack - It asked for what the log holds from the beginning, as a page that was just opened does. All tabs of a
   *   browser share one connection, which is reopened when a tab joins. That is not a new visit.
   */
  arrive(identity: string, at: number, goesBack: boolean): void
  leave(identity: string, at: number): void
}

const MAX_VISITORS = 2_000
const MAX_USER_AGENT_LENGTH = 200
/** The end of the former connection may be seen before the next one's request. */
const HANDOVER_MS = 1_000

export function createVisitors(): Visitors {
  const known = new Map<string, KnownVisitor>()
  return {
    note(identity, { address, userAgent }) {
      const { openStreams = 0, since, leftAt = 0 } = known.get(identity) ?? {}
      // Last in the order of insertion: last to be forgotten.
      known.delete(identity)
      known.set(identity, {
        address,
        userAgent: userAgent?.slice(0, MAX_USER_AGENT_LENGTH),
        openStreams,
        since,
        leftAt,
      })
      const [oldest] = known.keys()
      if (known.size > MAX_VISITORS && oldest !== undefined) known.delete(oldest)
    },
    find: (identity) => known.get(identity),
    arrive(identity, at, goesBack) {
      const visitor = known.get(identity)
      if (visitor === undefined) return
      const isHandover = goesBack && (visitor.openStreams > 0 || at - visitor.leftAt <= HANDOVER_MS)
      if (!isHandover) visitor.since = at
      visitor.since ??= at
      visitor.openStreams += 1
    },
    leave(identity, at) {
      const visitor = known.get(identity)
      if (visitor === undefined) return
      visitor.openStreams -= 1
      visitor.leftAt = at
    },
  }
}
