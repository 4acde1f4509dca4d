import type { LogEntry } from '@sse-toolkit/sse-server'

/** An event as `events` and `held` have it. */
export interface EventRow {
  readonly seq: number
  readonly topic: string
  readonly event: string | null
  readonly key: string | null
  readonly data: string
}

export const selectEvents = 'SELECT seq, topic, event, key, data FROM events'
export const selectHeld = 'SELECT seq, topic, event, key, data FROM held'

export function entryOf({ seq, topic, event, key, data }: EventRow, epoch: string): LogEntry {
  return { topic, event: event ?? undefined, data, key: key ?? undefined, position: { epoch, seq } }
}
