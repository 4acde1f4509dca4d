import type { StreamStatus } from '@sse-toolkit/event-source-client'

/** How far back the record goes. */
export const RECORD_MS = 120_000
/** Arrivals are counted by this much time. */
export const BUCKET_MS = 500
const MAX_SPANS = 400
const MAX_MARKS = 400
const ANNOUNCEMENT = /^heartbeat (\d+)$/

/** Upper limits of the latency classes, in milliseconds; one more class is beyond the last. */
export const LATENCY_LIMITS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500] as const

/** A time in one state, which lasts until the next begins. */
interface Span {
  readonly state: StreamStatus['state']
  readonly fromMs: number
  /** In words: which attempt, how long a wait. */
  readonly label: string
}

export interface Bucket {
  readonly fromMs: number
  /** As they were published. */
  live: number
  /** From the log. */
  replayed: number
}

/** The connection's last minutes, for drawing, in bounded memory. */
export interface ConnectionRecord {
  readonly spans: readonly Span[]
  readonly buckets: readonly Bucket[]
  /** When heartbeats arrived. */
  readonly heartbeats: readonly number[]
  /** Live events, by their latency: see {@link LATENCY_LIMITS_MS}. */
  readonly latencies: readonly number[]
  /** When anything arrived last; undefined before. */
  readonly soundAtMs: number | undefined
  /** How late the latest live event was; undefined before, and while events come from the log. */
  readonly latenessMs: number | undefined
  /** The heartbeat that the server has announced; undefined before. */
  readonly heartbeatIntervalMs: number | undefined
  /** The number of losses after which the client reconnected. Reopening for a tab that joined does not count. */
  readonly reconnections: number
  onStatus(status: StreamStatus): void
  onComment(text: string): void
  /** @param latencyMs - undefined: it came from the log. */
  onEvent(latencyMs: number | undefined): void
}

export function createConnectionRecord(now: () => number): ConnectionRecord {
  const spans: Span[] = [{ state: 'connecting', fromMs: now(), label: 'Connecting' }]
  const buckets: Bucket[] = []
  const heartbeats: number[] = []
  const latencies: number[] = Array.from({ length: LATENCY_LIMITS_MS.length + 1 }, () => 0)
  let soundAtMs: number | undefined
  let latenessMs: number | undefined
  let heartbeatIntervalMs: number | undefined
  let reconnections = 0
  let hasBeenOpen = false
  let isLost = false

  function currentBucket(): Bucket {
    const fromMs = Math.floor(now() / BUCKET_MS) * BUCKET_MS
    const last = buckets.at(-1)
    if (last?.fromMs === fromMs) return last
    const bucket = { fromMs, live: 0, replayed: 0 }
    buckets.push(bucket)
    if (buckets.length > RECORD_MS / BUCKET_MS + 2) buckets.shift()
    return bucket
  }

  return {
    spans,
    buckets,
    heartbeats,
    latencies,
    get soundAtMs() {
      return soundAtMs
    },
    get latenessMs() {
      return latenessMs
    },
    get heartbeatIntervalMs() {
      return heartbeatIntervalMs
    },
    get reconnections() {
      return reconnections
    },
    onStatus(status) {
      if (status.state === 'reconnecting' || status.state === 'closed') isLost = hasBeenOpen
      latenessMs = undefined
      if (status.state === 'open') {
        // An attempt that was answered is a sound, too.
        soundAtMs = now()
        hasBeenOpen = true
        if (isLost) reconnections += 1
        isLost = false
      }
      spans.push({ state: status.state, fromMs: now(), label: describe(status) })
      if (spans.length > MAX_SPANS) spans.shift()
    },
    onComment(text) {
      soundAtMs = now()
      const [, announced] = ANNOUNCEMENT.exec(text) ?? []
      if (announced !== undefined) heartbeatIntervalMs = Number(announced)
      // The heartbeat of our server: a comment without text.
      if (text !== '') return
      heartbeats.push(soundAtMs)
      if (heartbeats.length > MAX_MARKS) heartbeats.shift()
    },
    onEvent(latencyMs) {
      soundAtMs = now()
      latenessMs = latencyMs
      const bucket = currentBucket()
      if (latencyMs === undefined) {
        bucket.replayed += 1
        return
      }
      bucket.live += 1
      const index = LATENCY_LIMITS_MS.findIndex((limit) => latencyMs < limit)
      const at = index === -1 ? LATENCY_LIMITS_MS.length : index
      latencies[at] = (latencies[at] ?? 0) + 1
    },
  }
}

function describe(status: StreamStatus): string {
  switch (status.state) {
    case 'connecting':
      return status.attempt === 0 ? 'Connecting' : `Attempt ${status.attempt}`
    case 'reconnecting':
      return `Waits ${Math.round(status.delayMs)} ms before attempt ${status.attempt} (${status.cause.code})`
    case 'closed':
      return `Closed: ${status.reason}`
    case 'open':
      return 'Open'
    case 'paused':
    default:
      return 'Paused'
  }
}
