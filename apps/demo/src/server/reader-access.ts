import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Runtime } from './runtime.ts'

/** Readers whose access has been ended, remembered at once. */
const MAX_ENDED = 1_000

/**
 * Decides which readers may read. A reader needs no token until its access has expired, and then one that was issued
 * later:
 *
 *     authorization: Bearer <issued at, in milliseconds since 1970>.<HMAC-SHA-256 of reader and time>
 *
 * A reader that was revoked may not at all.
 */
export interface ReaderAccess {
  /** @returns `expired`: a new token is needed. */
  check(readerId: string, request: Request): 'granted' | 'expired' | 'revoked'
  /** @returns undefined for a reader that was revoked. */
  issueToken(readerId: string): string | undefined
  /** @param atMs - tokens must be newer than this, in milliseconds since 1970; default now */
  expire(readerId: string, atMs?: number): void
  revoke(readerId: string): void
  /** Lets a reader that was revoked in again. */
  allow(readerId: string): void
}

/** A key for {@link createReaderAccess}: processes that serve the same readers share one. */
export function createAccessKey(): string {
  return randomBytes(32).toString('hex')
}

export function createReaderAccess(key: string, runtime: Pick<Runtime, 'wallClock'>): ReaderAccess {
  // What tokens must be newer than.
  const expiredAt = new Map<string, number>()
  const revoked = new Map<string, true>()

  const sign = (readerId: string, issuedAt: string): Buffer =>
    createHmac('sha256', key).update(`${readerId} ${issuedAt}`).digest()

  function issueTime(readerId: string, request: Request): number {
    const field = request.headers.get('authorization') ?? ''
    const [, issuedAt = '', signature = ''] = /^Bearer (\d{1,16})\.([0-9a-f]{64})$/.exec(field) ?? []
    const isOurs =
      signature !== '' && timingSafeEqual(Buffer.from(signature, 'hex'), sign(readerId, issuedAt))
    return isOurs ? Number(issuedAt) : 0
  }

  return {
    check(readerId, request) {
      if (revoked.has(readerId)) return 'revoked'
      const after = expiredAt.get(readerId)
      return after === undefined || issueTime(readerId, request) > after ? 'granted' : 'expired'
    },
    issueToken(readerId) {
      if (revoked.has(readerId)) return undefined
      const issuedAt = String(runtime.wallClock())
      return `${issuedAt}.${sign(readerId, issuedAt).toString('hex')}`
    },
    expire: (readerId, atMs = runtime.wallClock()) => remember(expiredAt, readerId, atMs),
    revoke: (readerId) => remember(revoked, readerId, true),
    allow: (readerId) => void revoked.delete(readerId),
  }
}

/** Sets what is remembered of a reader last; beyond {@link MAX_ENDED} the oldest are forgotten. */
export function remember<Value>(map: Map<string, Value>, readerId: string, value: Value): void {
  map.delete(readerId)
  map.set(readerId, value)
  const [oldest] = map.keys()
  if (map.size > MAX_ENDED && oldest !== undefined) map.delete(oldest)
}
