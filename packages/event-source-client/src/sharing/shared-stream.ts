import { ConnectionError } from '../errors/connection-error.ts'
import type { ConnectionErrorCode } from '../errors/connection-error.ts'
import { EventSizeError } from '../errors/event-size-error.ts'
import { ResponseError } from '../errors/response-error.ts'
import { openReconnectingStream } from '../reconnection/reconnecting-stream.ts'
import type { ReconnectingStream, StreamObserver } from '../reconnection/reconnecting-stream.ts'
import type { StreamStatus } from '../reconnection/stream-status.ts'
import { contractPosition } from '../wire-contract/contract-position.ts'
import { parsePosition } from '../wire-contract/event-id.ts'
import type { SharedStreamConfig, SharingKit } from './membership.ts'

const kit: SharingKit = {
  ConnectionError,
  EventSizeError,
  ResponseError,
  contractPosition,
  openReconnectingStream,
  parsePosition,
}

/**
 * A stream whose connection is shared by the pages that use the same name; where pages cannot share, an ordinary one.
 * Begins idle.
 *
 * How they share it is loaded on first use: few do, and a bundler makes a chunk of its own of it.
 */
export function openSharedStream(
  name: string,
  config: SharedStreamConfig,
  observer: StreamObserver,
): ReconnectingStream {
  // Web Locks are only there in secure contexts. Where they are, there is a BroadcastChannel, too.
  if (!globalThis.navigator?.locks) return openReconnectingStream(config, observer)
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
  function join(signal: AbortSignal): Promise<(() => void) | undefined> {
    const fail =
      (code: ConnectionErrorCode, what: string) =>
      (cause: unknown): undefined => {
        if (signal.aborted) return
        const failure = new ConnectionError(code, `Sharing ${what}: ${String(cause)}`, { cause })
        onStatus({ state: 'closed', reason: 'error', cause: failure })
      }
    return import('./tab-sharing.ts')
      .then(({ joinPages }) =>
        signal.aborted
          ? undefined
          : joinPages(kit, {
              name,
              config,
              observer: { ...observer, onStatus },
              signal,
              fail: fail('callback', 'failed'),
            }),
      )
      .catch(fail('network', 'failed to load'))
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
