import type { CloseReason } from '../connection/frame-queue.ts'

/**
 * Counts since the hub was created; `connections`, `topics`, `running`, `bufferedBytes` and `replayBytes` are of the moment.
 */
export interface HubStats {
  readonly connections: number
  /** Topics and patterns that somebody subscribes to. */
  readonly topics: number
  /** Producers that `run` here. */
  readonly running: number
  /** Frames that connections have still to take. */
  readonly bufferedBytes: number
  /**
   * Events that were read from the log, or are held during such a read, for connections that have still to take what came
   * before: the length of their data. A log in memory has most of them anyway; of a log elsewhere these are copies.
   */
  readonly replayBytes: number
  /** Events that this hub published. */
  readonly published: number
  /** Events sent to connections, those of replay included. */
  readonly delivered: number
  readonly deliveredBytes: number
  readonly replayed: number
  /** `stream.gap` announcements made on behalf of the log. */
  readonly gaps: number
  readonly opened: number
  readonly closed: Readonly<Record<CloseReason, number>>
  /** Subscriptions that were refused, by status. */
  readonly refused: Readonly<Record<RefusalStatus, number>>
  /** Milliseconds from `publish` to the hand-over to all connections, of the last 1024 events published here. */
  readonly publishLagMs: { readonly p50: number; readonly p99: number; readonly max: number }
}

/** Why a subscription was not begun; see `Hub.subscribe`. */
export type RefusalStatus = 204 | 400 | 403 | 410 | 429 | 500 | 503

/** What a hub counts as it goes. */
export class HubCounters {
  published = 0
  delivered = 0
  deliveredBytes = 0
  replayed = 0
  gaps = 0
  opened = 0
  readonly closed: Record<CloseReason, number> = {
    client: 0,
    server: 0,
    'slow-consumer': 0,
    expired: 0,
    drain: 0,
    error: 0,
  }
  readonly refused: Record<RefusalStatus, number> = {
    204: 0,
    400: 0,
    403: 0,
    410: 0,
    429: 0,
    500: 0,
    503: 0,
  }
  readonly #lags = new Float64Array(1024)
  #lagCount = 0

  countDelivery(byteLength: number, replayed: boolean): void {
    this.delivered += 1
    this.deliveredBytes += byteLength
    if (replayed) this.replayed += 1
  }

  countLag(lagMs: number): void {
    this.#lags[this.#lagCount % this.#lags.length] = lagMs
    this.#lagCount += 1
  }

  snapshot(): Omit<HubStats, 'connections' | 'topics' | 'running' | 'bufferedBytes' | 'replayBytes'> {
    const lags = this.#lags.slice(0, this.#lagCount).toSorted()
    const quantile = (share: number): number => lags[Math.floor((lags.length - 1) * share)] ?? 0
    return {
      published: this.published,
      delivered: this.delivered,
      deliveredBytes: this.deliveredBytes,
      replayed: this.replayed,
      gaps: this.gaps,
      opened: this.opened,
      closed: { ...this.closed },
      refused: { ...this.refused },
      publishLagMs: { p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) },
    }
  }
}
