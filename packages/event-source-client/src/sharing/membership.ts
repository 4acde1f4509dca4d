import type { ConnectionError } from '../errors/connection-error.ts'
import type { EventSizeError } from '../errors/event-size-error.ts'
import type { ResponseError } from '../errors/response-error.ts'
import type { openReconnectingStream, StreamConfig } from '../reconnection/reconnecting-stream.ts'
import type { contractPosition, ContractPosition } from '../wire-contract/contract-position.ts'
import type { parsePosition } from '../wire-contract/event-id.ts'

export interface SharedStreamConfig extends StreamConfig {
  /** This page's. */
  readonly position: ContractPosition
  /** Seeds the position; without it a page does not know what it lacks. */
  readonly loadPosition: (() => Promise<void>) | undefined
}

/** One page's part in the sharing. */
export interface Membership {
  /** Makes the leading page reconnect. */
  readonly reconnect: () => void
  /** Settles when the page has left. Rejects if it can neither lead nor follow: the platform, or the store of its
   *  position, failed. */
  readonly left: Promise<void>
}

/**
 * What the chunk of tab-sharing.ts needs of the modules that are loaded anyway. It is handed over, not imported: a bundler would make
 * a third chunk of what both import, and that would cost every page 0.5 kB (test/size.test.ts).
 */
export interface SharingKit {
  readonly ConnectionError: typeof ConnectionError
  readonly EventSizeError: typeof EventSizeError
  readonly ResponseError: typeof ResponseError
  readonly contractPosition: typeof contractPosition
  readonly openReconnectingStream: typeof openReconnectingStream
  readonly parsePosition: typeof parsePosition
}
