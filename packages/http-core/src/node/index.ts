export { WorkerError } from '../errors/worker-error.ts'
export type { WorkerErrorCode } from '../errors/worker-error.ts'
export { activationSockets } from './lifecycle/activation.ts'
export type { ActivationSocket } from './lifecycle/activation.ts'
export { closeOnSignals } from './lifecycle/signals.ts'
export type { SignalOptions } from './lifecycle/signals.ts'
export { runWorkers } from './lifecycle/workers.ts'
export type { WorkersOptions } from './lifecycle/workers.ts'
export { connectionUpgradeSymbol } from '../response/sent-status.ts'
export type { ConnectionUpgrade, TakenConnection, UpgradedConnection } from './upgrade/connection-upgrade.ts'
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
} from './reports/diagnostics.ts'
export type {
  FetchHandler,
  ListenTarget,
  ListeningAddress,
  ProxyProtocolOptions,
  ServerOptions,
  TlsOptions,
  TrustProxy,
} from './lifecycle/options.ts'
export type { WireRequest } from './message/wire.ts'
export { createServer } from './lifecycle/server.ts'
export type { CloseOptions } from './lifecycle/close-options.ts'
export type { Closable, CloseReport, Server, ServerStatus } from './lifecycle/server-types.ts'
