import type { Handler } from '../../middleware/middleware.ts'
import type { Load } from '../connection/load.ts'
import type { OpenStreams } from '../lifecycle/open-streams.ts'
import type { Settings } from '../lifecycle/settings.ts'
import type { WireRequest, WireResponse } from '../message/wire.ts'
import type { Reports } from '../reports/reports.ts'
import type { Admitted } from '../request/admission.ts'
import type { RequestParts } from '../request/incoming-request.ts'
import type { Upgradable } from '../upgrade/connection-upgrade.ts'
import type { HandedOverOwner } from './http1-byte-sink.ts'
import type { WriterParts } from './response-writer.ts'

/** Serves a request that was admitted. */
export type ServeExchange = (
  message: WireRequest,
  response: WireResponse,
  admitted: Admitted,
  expects: 'continue' | undefined,
  upgradable?: Upgradable,
) => void

/** The parts of the server that an exchange needs. */
export interface ExchangeParts extends RequestParts, WriterParts {
  readonly settings: Settings
  readonly handler: Handler
  readonly requests: 'light' | 'native'
  readonly reports: Reports
  readonly load: Load
  readonly streams: OpenStreams
  /** Replaces the exchange of a connection that was handed over. */
  readonly handedOver: HandedOverOwner
  /** Called when an exchange ends, unless it was answered at once. */
  readonly exchangeEnded: () => void
}
