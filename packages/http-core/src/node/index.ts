export { WorkerError } from '../errors/worker-error.ts'
export type { WorkerErrorCode } from '../errors/worker-error.ts'
export { activationSockets } from './activation.ts'
export type { ActivationSocket } from './activation.ts'
export { closeOnSignals } from './signals.ts'
export type { SignalOptions } from './signals.ts'
export { runWorkers } from './workers.ts'
export type { WorkersOptions } from './workers.ts'
export { connectionUpgradeSymbol } from './connection-upgrade.ts'
export type { ConnectionUpgrade, TakenConnection, UpgradedConnection } from './connection-upgrade.ts'
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
export type {
  FetchHandler,
  ListenTarget,
  ListeningAddress,
  ProxyProtocolOptions,
  ServerOptions,
  TlsOptions,
  TrustProxy,
} from './options.ts'
export type { WireRequest } from './wire.ts'
export { createServer } from './server.ts'
export type { CloseOptions } from './close-options.ts'
export type { CloseReport, Server, ServerStatus } from './server.ts'
