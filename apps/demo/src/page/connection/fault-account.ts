import type { StreamStatus } from '@sse-toolkit/event-source-client'
import type { Resumption } from './resumption.ts'
import { formatCount, formatDuration, inSeconds } from '../format.ts'

/** The last word of the path by which the server knows it; `offline` is the browser's own. */
export type FaultKind = 'cut' | 'silence' | 'slow' | 'restart' | 'kill' | 'expire' | 'revoke' | 'offline'

/**
 * The course of one fault, shown next to its button from the moment of the click:
 *
 *     Silent for 3 s; noticed in 12 s.                                                    asked
 *     Noticed after 15 s. Attempt 2 in 1 s.                                               the stream is lost
 *     Noticed after 15 s; reconnected, catching up.                                       open again
 *     Noticed after 15 s; reconnected 0.4 s later, caught up on 152 numbers, nothing missing, nothing twice.
 */
export interface FaultAccount {
  onStatus(status: StreamStatus): void
  onResumed(resumption: Resumption): void
  /** As of now. */
  readonly text: string
  /** Nothing more will happen: the stream is live again. */
  readonly isOver: boolean
}

export interface FaultAccountOptions {
  readonly kind: FaultKind
  readonly now: () => number
  /** When the last byte came, and after how much silence the client takes the connection for dead; undefined if unknown. */
  readonly soundAtMs: () => number | undefined
  readonly deadAfterMs: () => number | undefined
}

/** Until the client has noticed. */
const BEGINNINGS: Readonly<Record<Exclude<FaultKind, 'silence'>, string>> = {
  cut: 'Cut',
  slow: 'Slow for {s}; the hub gives up on this reader once 32\u00A0kB wait, after 10 to 15 s.',
  restart: 'Restarting for {s}; the old server ends its streams within a second.',
  kill: 'Killed',
  expire: 'Expired',
  revoke: 'Revoked',
  offline: 'Offline',
}

export function createFaultAccount(options: FaultAccountOptions): FaultAccount {
  const { kind, now, soundAtMs, deadAfterMs } = options
  const askedAtMs = now()
  // Silence begins with the last byte: not with the click.
  let silentSinceMs = askedAtMs
  let noticedAtMs: number | undefined
  let status: StreamStatus | undefined
  let changedAtMs = askedAtMs
  let closedAtMs: number | undefined
  let ending: string | undefined

  function tellBeginning(): string {
    if (kind === 'silence') return tellSilence()
    const text = BEGINNINGS[kind]
    const seconds = inSeconds(now() - askedAtMs)
    return text.includes('{s}') ? text.replace('{s}', seconds) : `${text} for ${seconds}; not noticed yet.`
  }

  function tellSilence(): string {
    silentSinceMs = Math.max(askedAtMs, soundAtMs() ?? 0)
    const silentMs = now() - silentSinceMs
    const deadAfter = deadAfterMs()
    const silent = `Silent for ${inSeconds(silentMs)}`
    if (deadAfter === undefined) return `${silent}; not noticed yet.`
    // Both together are always the whole of it.
    const left = Math.round(deadAfter / 1_000) - Math.floor(silentMs / 1_000)
    return left > 0 ? `${silent}; noticed in ${left} s.` : `${silent}; noticed any moment.`
  }

  function tellNoticed(): string {
    if (kind === 'offline') return `Offline for ${inSeconds(now() - askedAtMs)}`
    return `Noticed after ${formatSpan((noticedAtMs ?? now()) - silentSinceMs)}`
  }

  function tellLoss(): string {
    const noticed = tellNoticed()
    switch (status?.state) {
      case 'reconnecting': {
        const leftMs = Math.max(0, status.delayMs - (now() - changedAtMs))
        return `${noticed}. Attempt ${status.attempt} in ${formatDuration(Math.ceil(leftMs / 100) * 100)}.`
      }
      case 'closed':
        return status.reason === 'no-content'
          ? `Closed for ${inSeconds(now() - changedAtMs)}: the server answered 204. The log keeps new events for you.`
          : `Closed: ${status.cause?.message ?? status.reason}.`
      case 'open':
        return `${noticed}; reconnected, catching up.`
      case 'connecting':
        return status.attempt === 0
          ? `${noticed}. Connecting.`
          : `${noticed}. Attempt ${status.attempt} is under way.`
      case 'paused':
      case undefined:
      default:
        return `${noticed}.`
    }
  }

  return {
    onStatus(next) {
      if (ending !== undefined) return
      if (kind === 'silence' && noticedAtMs === undefined)
        silentSinceMs = Math.max(askedAtMs, soundAtMs() ?? 0)
      if (next.state === 'open' && noticedAtMs === undefined && status?.state === 'connecting')
        ending = 'Over: another tab joined, and the connection was reopened for it.'
      status = next
      changedAtMs = now()
      if (next.state === 'reconnecting' || next.state === 'closed') noticedAtMs ??= changedAtMs
      if (next.state === 'closed') closedAtMs = changedAtMs
    },
    onResumed(resumption) {
      // A loss of before the click may be over only now.
      if (noticedAtMs === undefined || ending !== undefined) return
      const later = kind === 'offline' ? '' : ` ${formatSpan(now() - noticedAtMs)} later`
      const reconnected =
        closedAtMs === undefined
          ? `${tellNoticed()}; reconnected${later}, `
          : `Readmitted after ${formatSpan(now() - closedAtMs)}; `
      ending = `${reconnected}${outcomeOf(resumption)}.`
    },
    get text() {
      return ending ?? (noticedAtMs === undefined ? tellBeginning() : tellLoss())
    },
    get isOver() {
      return ending !== undefined
    },
  }
}

function outcomeOf({ caughtUp, missing, repeated, hasGap }: Resumption): string {
  if (hasGap) return 'with a gap, which the stream has announced'
  return [
    `caught up on ${caughtUp === 1 ? '1 number' : `${formatCount(caughtUp)} numbers`}`,
    missing === 0 ? 'nothing missing' : `${formatCount(missing)} missing`,
    repeated === 0 ? 'nothing twice' : `${formatCount(repeated)} twice`,
  ].join(', ')
}

/** `15 s`, `2.3 s`, `3 ms` */
function formatSpan(durationMs: number): string {
  return durationMs >= 9_950 ? `${Math.round(durationMs / 1_000)} s` : formatDuration(durationMs)
}
