import type { ReconnectingStream, StreamObserver } from '../reconnection/reconnecting-stream.ts'
import type { StreamStatus } from '../reconnection/stream-status.ts'
import type { SharedStreamConfig, SharingKit } from './membership.ts'
import { joinPages } from './joined-pages.ts'

/** A page's stream on the shared connection: one of the pages while it is connected. Begins idle. */
export function shareStream(
  kit: SharingKit,
  name: string,
  config: SharedStreamConfig,
  observer: StreamObserver,
): ReconnectingStream {
  // Aborted when this page goes idle or is closed.
  let leaving: AbortController | undefined
  let reconnect = (): void => {}
  let isClosed = false

  function onStatus(status: StreamStatus): void {
    if (isClosed) return
    if (status.state === 'closed') {
      isClosed = true
      leaving?.abort()
    }
    observer.onStatus(status)
  }

  return {
    connect() {
      if (leaving || isClosed) return
      leaving = new AbortController()
      const { signal } = leaving
      const fail = (cause: unknown): void => {
        if (signal.aborted) return
        const failure = new kit.ConnectionError('callback', `Sharing failed: ${String(cause)}`, { cause })
        onStatus({ state: 'closed', reason: 'error', cause: failure })
      }
      reconnect = joinPages(kit, { name, config, observer: { ...observer, onStatus }, signal, fail })
    },
    disconnect() {
      if (!leaving) return
      leaving.abort()
      leaving = undefined
      onStatus({ state: 'paused' })
    },
    reconnect: () => reconnect(),
    pause: () => {},
    resume: () => {},
    close: (reason, cause) => onStatus({ state: 'closed', reason, cause }),
  }
}
