import { ConnectionError, failedStep } from '../errors/connection-error.ts'
import { EventSizeError } from '../errors/event-size-error.ts'
import { ResponseError } from '../errors/response-error.ts'
import { openReconnectingStream } from '../reconnection/reconnecting-stream.ts'
import type { ReconnectingStream, StreamObserver } from '../reconnection/reconnecting-stream.ts'
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
  let stream: ReconnectingStream | undefined
  let isConnected = false
  let isClosed = false

  const close: ReconnectingStream['close'] = (reason, cause) => {
    if (stream) stream.close(reason, cause)
    else if (!isClosed) observer.onStatus({ state: 'closed', reason, cause })
    isClosed = true
  }
  async function load(): Promise<void> {
    try {
      const { shareStream } = await import('./tab-sharing.ts')
      if (!isClosed) stream = shareStream(kit, name, config, observer)
    } catch (cause) {
      close('error', failedStep('network', 'Loading the code for sharing', cause))
    }
  }
  const loading = load()

  /** Now, or when it is loaded. */
  async function call(method: 'connect' | 'disconnect' | 'reconnect'): Promise<void> {
    if (!stream) await loading
    stream?.[method]()
  }

  return {
    connect() {
      // Said at once, and not when the rest is loaded.
      if (!isConnected && !isClosed) observer.onStatus({ state: 'connecting', attempt: 0 })
      isConnected = true
      void call('connect')
    },
    disconnect() {
      isConnected = false
      void call('disconnect')
    },
    reconnect: () => void call('reconnect'),
    // The other pages go on reading.
    pause: () => {},
    resume: () => {},
    close,
  }
}
