export { acceptsEventStream } from './format/accepts.ts'
export { byteSourceSymbol } from './connection/byte-sink.ts'
export type { ByteSink, ByteSinkListener, ByteSource, SharedBytes } from './connection/byte-sink.ts'
export { BufferOverflowError } from './errors/buffer-overflow-error.ts'
export { EventFieldError, type EventFieldErrorCode } from './errors/event-field-error.ts'
export { EventSizeError } from './errors/event-size-error.ts'
export { HubClosedError } from './errors/hub-closed-error.ts'
export { OptionError } from './errors/option-error.ts'
export { ProducerSequenceError, type ProducerSequenceErrorCode } from './errors/producer-sequence-error.ts'
export { TopicEndedError } from './errors/topic-ended-error.ts'
export { TopicNotClaimedError } from './errors/topic-not-claimed-error.ts'
export { TopicExpiredError } from './errors/topic-expired-error.ts'
export { TopicFullError } from './errors/topic-full-error.ts'
export { TopicError } from './errors/topic-error.ts'
export { formatComment, formatEvent, type ServerSentEvent } from './format/event.ts'
export type { EventStream, SendOptions } from './connection/event-stream.ts'
export type { CloseReason } from './connection/frame-queue.ts'
export type { EndReason, Gap, GapReason } from './wire-contract/reserved-events.ts'
export { EVENT_STREAM_HEADERS, type HeaderFields } from './format/headers.ts'
export {
  respond,
  respondOnFirstEvent,
  respondRaw,
  respondRawOnFirstPiece,
  type RespondOptions,
  type RespondRawOptions,
} from './respond/respond.ts'
export { systemRuntime, type Runtime } from './runtime.ts'
export type { EventStreamSource, RawSource, Sequence } from './respond/source.ts'
export type { SchemaInput, SchemaResult, StandardSchema } from './format/standard-schema.ts'
export type { ConnectionOptions } from './connection/connection-options.ts'
export type { EventStreamOptions } from './connection/event-stream-options.ts'
export type { EventOf, EventSchemas, ValidateOnSend } from './format/typed-events.ts'
export type { SlowConsumerPolicy } from './connection/waiting-frames.ts'
export type { Authorization, Authorize } from './hub/authorization.ts'
export { createHub } from './hub/create-hub.ts'
export type { Hub, HubInspection, Run, RunArguments } from './hub/hub.ts'
export type {
  ConnectionFilter,
  DisconnectOptions,
  EndOptions,
  ForbidOptions,
  HubCloseOptions,
  HubConnection,
  HubEventView,
  HubOptions,
  HubReading,
  OwnEvent,
  OwnWords,
  PresentConnection,
  JoinOptions,
  ReadOptions,
  RunOptions,
  SubscribeOptions,
  TopicSchemas,
  TopicsOf,
} from './hub/hub-options.ts'
export type {
  BatchArguments,
  BatchEvent,
  BatchOptions,
  HubEvent,
  PublishArguments,
  Published,
  PublishedBatch,
  PublishOptions,
} from './hub/publish-options.ts'
export type { HubStats, RefusalStatus } from './hub/hub-stats.ts'
export type { Producer } from './hub/producer.ts'
export type { WireContract } from './wire-contract/extent.ts'
export { formatEventId, parseEventId, type Position } from './wire-contract/event-id.ts'
export { checkBatch } from './log/check-batch.ts'
export { maxBatchEvents, maxPageLength } from './log/event-log.ts'
export { heldBytesOf } from './log/held-bytes.ts'
export type {
  Appended,
  AppendOptions,
  ControlEntry,
  ControlOptions,
  EventLog,
  LogEntry,
  LoggedEvent,
  LogPage,
  LogTailListener,
  ProducerSequence,
  TopicState,
  TopicStatus,
} from './log/event-log.ts'
export { LogTails } from './log/log-tails.ts'
export { memoryLog, type MemoryLogOptions } from './log/memory-log.ts'
export { checkTopic } from './topics/topic.ts'
export { createPublishHandler, type PublishHandlerOptions } from './publish/create-publish-handler.ts'
export { matchesTopic, parseTopicPattern, type TopicPattern } from './topics/topic-pattern.ts'
export { pattern, topic, type TopicValue } from './topics/topic-tags.ts'
