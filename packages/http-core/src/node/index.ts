export { ListenError } from '../errors/listen-error.ts'
export type { ListenErrorCode } from '../errors/listen-error.ts'
export { ServerStateError } from '../errors/server-state-error.ts'
export type { ServerStateErrorCode } from '../errors/server-state-error.ts'
export type {
  ListeningEvent,
  RequestEndEvent,
  RequestFailedEvent,
  RequestRefusedEvent,
  RequestStartEvent,
} from './diagnostics.ts'
export type { FetchHandler, ListenTarget, ListeningAddress, ServerOptions, TrustProxy } from './options.ts'
export { createServer } from './server.ts'
export type { CloseOptions, CloseReport, Server, ServerStatus } from './server.ts'
