import { createHub } from '@sse-toolkit/sse-server'
import type { EventLog, Hub } from '@sse-toolkit/sse-server'

/** Of each of up to 5000 connections: what is behind by more is disconnected, and counted. */
const MAX_BUFFERED_BYTES = 65_536
/** Of the log: clients of a load do not come back for what they have missed. */
export const LOAD_LOG_OPTIONS = { maxEvents: 1_000 }

/** The hub of all loads of this process, which is opened when the first one needs it. */
export interface LoadHub {
  /** The load has a log of its own, so that its events do not evict events that pages resume from. */
  readonly hub: Hub
  close(): Promise<void>
}

export function createLoadHub(openLog: () => EventLog): LoadHub {
  let opened: { hub: Hub; log: EventLog } | undefined
  return {
    get hub() {
      if (opened === undefined) {
        const log = openLog()
        const hub = createHub({ log, maxBufferedBytes: MAX_BUFFERED_BYTES, heartbeatIntervalMs: 0 })
        opened = { hub, log }
      }
      return opened.hub
    },
    async close() {
      await opened?.hub.close({ timeoutMs: 0 })
      await opened?.log.close?.()
    },
  }
}
