import { memoryLog } from '@sse-toolkit/sse-server'
import type { EventLog } from '@sse-toolkit/sse-server'
import { redisLog } from '@sse-toolkit/sse-redis'
import { sqliteLog } from '@sse-toolkit/sse-sqlite'
import { HISTORY_MS, MAX_LOGGED_EVENTS } from '../samples.ts'

/** Where the demo keeps its events. Several processes can share a file or a Redis. */
export type LogPlace =
  | { readonly kind: 'memory' }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'redis'; readonly url: string }

/** A log that several processes can share. */
export type SharedLogPlace = Exclude<LogPlace, { readonly kind: 'memory' }>

const limits = { maxAgeMs: HISTORY_MS, maxEvents: MAX_LOGGED_EVENTS }

export interface OpenLog {
  readonly log: EventLog
  /** Resolves once the log has been reached. */
  readonly ready: () => Promise<void>
}

/** @throws OptionError, LogFileError of sse-sqlite for a file that cannot be used. */
export function openLog(place: LogPlace): OpenLog {
  if (place.kind === 'redis') {
    const log = redisLog({ url: place.url, namespace: 'demo', ...limits })
    return { log, ready: () => log.ready() }
  }
  const log = place.kind === 'file' ? sqliteLog({ path: place.path, ...limits }) : memoryLog(limits)
  return { log, ready: () => Promise.resolve() }
}
