import { memoryLog } from '@sse-toolkit/sse-server'
import type { EventLog } from '@sse-toolkit/sse-server'
import { redisLog } from '@sse-toolkit/sse-redis'
import { sqliteLog } from '@sse-toolkit/sse-sqlite'
import { LOAD_LOG_OPTIONS } from './load/load-hub.ts'
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

/** The purpose of a log. Each has a place of its own. */
interface LogUse {
  readonly namespace: string
  readonly fileSuffix: string
  readonly limits: { readonly maxAgeMs?: number; readonly maxEvents?: number }
}

const events: LogUse = { namespace: 'demo', fileSuffix: '', limits }

/** For a load run, whose events must not evict events that pages resume from. */
export const loadEvents: LogUse = { namespace: 'demo-load', fileSuffix: '-load', limits: LOAD_LOG_OPTIONS }

/** @throws OptionError, LogFileError of sse-sqlite for a file that cannot be used. */
export function openLog(place: LogPlace, use: LogUse = events): OpenLog {
  if (place.kind === 'redis') {
    const log = redisLog({ url: place.url, namespace: use.namespace, ...use.limits })
    return { log, ready: () => log.ready() }
  }
  const log =
    place.kind === 'file'
      ? sqliteLog({ path: `${place.path}${use.fileSuffix}`, ...use.limits })
      : memoryLog(use.limits)
  return { log, ready: () => Promise.resolve() }
}
