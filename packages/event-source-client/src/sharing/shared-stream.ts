import { ConnectionError } from '../errors/connection-error.ts'
import type { ConnectionErrorCode } from '../errors/connection-error.ts'
import { EventSizeError } from '../errors/event-size-error.ts'
import { ResponseError } from '../errors/response-error.ts'
import { parsePosition } from '../wire-contract/event-id.ts'
import { openReconnectingStream } from '../reconnection/reconnecting-stream.ts'
import type {
  ReconnectingStream,
  StreamConfig,
  StreamObserver,
  StreamStatus,
} from '../reconnection/reconnecting-stream.ts'
import { contractPosition } from '../last-event-id/resume-position.ts'
import type { ResumePosition } from '../last-event-id/resume-position.ts'

export interface SharedStreamConfig extends StreamConfig {
  /** This page's. */
  readonly position: ResumePosition
  /** Seeds the position; without it a page does not know what it lacks. */
  readonly loadPosition: (() => Promise<void>) | undefined
}

/**
 * What tab-sharing.ts needs of the modules that are loaded anyway. It is handed over, not imported: a bundler would make
 * a third chunk of what both import, and that would cost every page 0.5 kB (test/size.test.ts). By place, not by name:
 * minifiers shorten no names of properties.
 */
export type SharingKit = readonly [
  errors: readonly [typeof ConnectionError, typeof EventSizeError, typeof ResponseError],
  contractPosition: typeof contractPosition,
  openReconnectingStream: typeof openReconnectingStream,
  parsePosition: typeof parsePosition,
]

const SHARING_KIT: SharingKit = [
  [ConnectionError, EventSizeError, ResponseError],
  contractPosition,
  openReconnectingStream,
  parsePosition,
]

/** A page's part in the sharing. */
export interface Membership {
  /** Pages that use the same name share the connection. */
  readonly name: string
  readonly config: SharedStreamConfig
  readonly observer: StreamObserver
  /** Aborted when the page leaves. */
  readonly signal: AbortSignal
  /** The page can neither lead nor follow: the platform, or the store of its position, failed. */
  readonly fail: (cause: unknown) => void
}

/**
 * A stream whose connection is shared by the pages that use the same name. Begins idle.
 *
 * How they share it is loaded on first use: few do, and a bundler makes a chunk of its own of it.
 */
export function openSharedStream(
  name: string,
  config: SharedStreamConfig,
  observer: StreamObserver,
): ReconnectingStream {
  // Aborted when this page goes idle or is closed.
  let leaving: AbortController | undefined
  let joined: Promise<(() => void) | undefined> | undefined
  let isClosed = false

  function onStatus(status: StreamStatus): void {
    if (isClosed) return
    if (status.state === 'closed') {
      isClosed = true
      leaving?.abort()
    }
    observer.onStatus(status)
  }

  /** @returns How to make the shared connection anew; nothing if there is none. Never rejects. */
  async function join(signal: AbortSignal): Promise<(() => void) | undefined> {
    function fail(code: ConnectionErrorCode, what: string, cause: unknown): void {
      if (signal.aborted) return
      const failure = new ConnectionError(code, `Sharing ${what}: ${String(cause)}`, { cause })
      onStatus({ state: 'closed', reason: 'failed', cause: failure })
    }
    try {
      const { joinPages } = await import('./tab-sharing.ts')
      if (signal.aborted) return undefined
      return joinPages(SHARING_KIT, {
        name,
        config,
        observer: { ...observer, onStatus },
        signal,
        fail: (cause) => fail('callback', 'failed', cause),
      })
    } catch (cause) {
      fail('network', 'failed to load', cause)
      return undefined
    }
  }

  return {
    connect() {
      if (leaving || isClosed) return
      leaving = new AbortController()
      onStatus({ state: 'connecting', attempt: 0 })
      joined = join(leaving.signal)
    },
    disconnect() {
      if (!leaving) return
      leaving.abort()
      leaving = undefined
      onStatus({ state: 'paused' })
    },
    reconnect: () => void joined?.then((reconnect) => reconnect?.()),
    // The other pages go on reading.
    pause: () => {},
    resume: () => {},
    close: (reason, cause) => onStatus({ state: 'closed', reason, cause }),
  }
}

/** Web Locks are only there in secure contexts. Where they are, there is a BroadcastChannel, too. */
export function canShare(): boolean {
  return Boolean(globalThis.navigator?.locks)
}
