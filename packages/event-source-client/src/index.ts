export type { Gap, ProducerFailure } from './wire-contract/reserved-events.ts'
export { fullJitter, standardBackoff } from './reconnection/backoff.ts'
export type { Backoff, BackoffContext } from './reconnection/backoff.ts'
export type { ConnectionFailure } from './connection/connection.ts'
export { createEventSource } from './client/create-event-source.ts'
export { ConnectionError } from './errors/connection-error.ts'
export type { ConnectionErrorCode } from './errors/connection-error.ts'
export { EventDataError } from './errors/event-data-error.ts'
export type { EventDataErrorCode, SchemaIssue } from './errors/event-data-error.ts'
export { EventSizeError } from './errors/event-size-error.ts'
export { LastEventIdStoreError } from './errors/last-event-id-store-error.ts'
export { OptionError } from './errors/option-error.ts'
export { QueueOverflowError } from './errors/queue-overflow-error.ts'
export { ResponseError } from './errors/response-error.ts'
export type { ResponseErrorCode } from './errors/response-error.ts'
export type { EventSchemas } from './delivery/event-data.ts'
export type { SlowConsumerPolicy } from './delivery/event-queue.ts'
export type {
  EventOf,
  EventSourceClient,
  EventSourceOptions,
  StreamEvent,
} from './client/event-source-client.ts'
export { EventSource } from './event-source/event-source.ts'
export type { EventSourceErrorEvent, EventSourceInit } from './event-source/event-source.ts'
export { localStorageStore } from './last-event-id/last-event-id-store.ts'
export type { LastEventIdStore } from './last-event-id/last-event-id-store.ts'
export type { ConnectionOptions, ReconnectionOptions } from './options/connection-options.ts'
export type { StreamFailure, StreamStatus } from './reconnection/reconnecting-stream.ts'
export type { CloseReason } from './reconnection/reconnection.ts'
export type { AttemptContext, PerAttempt } from './connection/request.ts'
export type { Runtime } from './runtime.ts'
export type { SchemaOutput, StandardSchema } from './delivery/standard-schema.ts'
export type {
  Transport,
  TransportExchange,
  TransportRequest,
  TransportResponse,
  TransportSink,
} from './transport/transport.ts'
