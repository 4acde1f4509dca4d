import type { Authorization } from '@sse-toolkit/sse-server'

/** What a token stands for. */
interface Grant {
  readonly identity: string
  readonly topics: readonly string[]
  /** By the servers' wall clock. */
  readonly expiresAt: number
}

/** The application's access rules. The authority issues tokens, and servers ask it about them. */
export interface Authority {
  issue(identity: string, lifeMs: number): string
  /** The grant of a token; undefined if there is no such token. */
  grantOf(token: string | null): Grant | undefined
  /** The answer for the hub. */
  authorize(token: string | null): Authorization | Response
}

/** @param wallClock - of the servers. */
export function createAuthority(
  wallClock: () => number,
  topicsOf: (identity: string) => readonly string[],
): Authority {
  const grants = new Map<string, Grant>()
  return {
    issue(identity, lifeMs) {
      const token = `token-${grants.size}`
      grants.set(token, { identity, topics: topicsOf(identity), expiresAt: wallClock() + lifeMs })
      return token
    },
    grantOf: (token) => grants.get(token ?? ''),
    authorize(token) {
      const grant = grants.get(token ?? '')
      // An expired grant is passed on: to refuse it is the hub's business.
      return grant ?? new Response(null, { status: 401 })
    },
  }
}
