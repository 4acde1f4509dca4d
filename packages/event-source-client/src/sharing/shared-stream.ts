import { ConnectionError, failedStep } from '../errors/connection-error.ts'
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
 * A stream whose connection is shared by the pages that use the same name: one of them while it is connected. Where pages
 * cannot share, an ordinary stream. Begins idle.
 *
 * The code for sharing is loaded on first use, and bundlers make a separate chunk of it: few pages share.
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
  let isClosed = false
  // Asked for before the code is here.
  let isReconnectWanted = false
  let reconnect = (): void => void (isReconnectWanted = true)

  function onStatus(status: StreamStatus): void {
    if (isClosed) return
    if (status.state === 'closed') {
      isClosed = true
      leaving?.abort()
    }
    observer.onStatus(status)
  }

  async function join(signal: AbortSignal): Promise<void> {
    // Until the code is here.
    let code: ConnectionErrorCode = 'network'
    try {
      const { joinPages } = await import('./tab-sharing.ts')
      if (signal.aborted) return
      code = 'callback'
      const pages = joinPages(kit, name, config, { ...observer, onStatus }, signal)
      ;({ reconnect } = pages)
      if (isReconnectWanted) reconnect()
      await pages.left
    } catch (cause) {
      if (!signal.aborted)
        onStatus({ state: 'closed', reason: 'error', cause: failedStep(code, 'Sharing', cause) })
    }
  }

  return {
    connect() {
      if (leaving || isClosed) return
      leaving = new AbortController()
      // Said at once, and not when the code is here.
      onStatus({ state: 'connecting', attempt: 0 })
      void join(leaving.signal)
    },
    disconnect() {
      if (!leaving) return
      leaving.abort()
      leaving = undefined
      onStatus({ state: 'paused' })
    },
    reconnect: () => reconnect(),
    // The other pages go on reading.
    pause: () => {},
    resume: () => {},
    close: (reason, cause) => onStatus({ state: 'closed', reason, cause }),
  }
}
