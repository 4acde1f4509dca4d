import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Runtime } from './runtime.ts'

/** Pages whose access has been ended, remembered at once: beyond it, the oldest are forgotten. */
const MAX_ENDED = 1_000

/**
 * Which pages may read. Any may, until its access has expired; from then on it needs a token that was issued later:
 *
 *     authorization: Bearer <issued at, in milliseconds since 1970>.<HMAC-SHA-256 of page and time>
 *
 * A page that was revoked may not at all.
 */
export interface PageAccess {
  /** @returns `expired`: a new token is needed. */
  check(pageId: string, request: Request): 'granted' | 'expired' | 'revoked'
  /** @returns undefined for a page that was revoked. */
  issueToken(pageId: string): string | undefined
  expire(pageId: string): void
  revoke(pageId: string): void
  /** Lets a page that was revoked in again. */
  allow(pageId: string): void
}

/** A key for {@link createPageAccess}: processes that serve the same pages share one. */
export function createAccessKey(): string {
  return randomBytes(32).toString('hex')
}

export function createPageAccess(key: string, runtime: Pick<Runtime, 'wallClock'>): PageAccess {
  // What tokens must be newer than.
  const expiredAt = new Map<string, number>()
  const revoked = new Map<string, true>()

  const sign = (pageId: string, issuedAt: string): Buffer =>
    createHmac('sha256', key).update(`${pageId} ${issuedAt}`).digest()

  function issueTime(pageId: string, request: Request): number {
    const field = request.headers.get('authorization') ?? ''
    const [, issuedAt = '', signature = ''] = /^Bearer (\d{1,16})\.([0-9a-f]{64})$/.exec(field) ?? []
    const isOurs = signature !== '' && timingSafeEqual(Buffer.from(signature, 'hex'), sign(pageId, issuedAt))
    return isOurs ? Number(issuedAt) : 0
  }

  return {
    check(pageId, request) {
      if (revoked.has(pageId)) return 'revoked'
      const after = expiredAt.get(pageId)
      return after === undefined || issueTime(pageId, request) > after ? 'granted' : 'expired'
    },
    issueToken(pageId) {
      if (revoked.has(pageId)) return undefined
      const issuedAt = String(runtime.wallClock())
      return `${issuedAt}.${sign(pageId, issuedAt).toString('hex')}`
    },
    expire: (pageId) => remember(expiredAt, pageId, runtime.wallClock()),
    revoke: (pageId) => remember(revoked, pageId, true),
    allow: (pageId) => void revoked.delete(pageId),
  }
}

function remember<Value>(map: Map<string, Value>, pageId: string, value: Value): void {
  map.delete(pageId)
  map.set(pageId, value)
  const [oldest] = map.keys()
  if (map.size > MAX_ENDED && oldest !== undefined) map.delete(oldest)
}
