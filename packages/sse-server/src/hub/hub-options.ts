import type { CloseReason } from '../connection/frame-queue.ts'
import type { HeaderFields } from '../format/headers.ts'
import type { EventLog } from '../log/event-log.ts'
import { connectionOptionNames } from '../connection/connection-options.ts'
import type { ConnectionOptions } from '../connection/connection-options.ts'
import type { OptionNames } from '../option-names.ts'
import type { EventSchemas } from '../format/typed-events.ts'
import type { Sequence } from '../respond/source.ts'
import type { WireContract } from '../wire-contract/extent.ts'
import type { EndReason, Gap } from '../wire-contract/reserved-events.ts'
import type { Authorize } from './authorization.ts'

/** The events of each topic: topic or pattern -> event type -> Standard Schema of the data. */
export type TopicSchemas = Readonly<Record<string, EventSchemas>>

/** The topics that a pattern matches, as a type: `orders.*` is `orders.${string}`. */
export type TopicsOf<Pattern extends string> = Pattern extends `${infer Head}*${infer Tail}`
  ? `${Head}${string}${TopicsOf<Tail>}`
  : Pattern extends `${infer Head}>`
    ? `${Head}${string}`
    : Pattern

/** Options of {@link createHub}. Those of a connection apply to every subscriber. */
export interface HubOptions<Schemas extends TopicSchemas = TopicSchemas> extends ConnectionOptions {
  /** Where the hub keeps events. @defaultValue `memoryLog()`, which the hub closes when it closes */
  readonly log?: EventLog | undefined
  /** Types `publish`, and with `validate: 'on-publish'` checks it. */
  readonly topics?: Schemas | undefined
  /** @defaultValue `'off'` */
  readonly validate?: 'off' | 'on-publish' | undefined
  /** Decides what each request may read. @defaultValue every request may read everything */
  readonly authorize?: Authorize | undefined
  /** The most connections at a time. The hub answers further requests with 503. @defaultValue no limit */
  readonly maxConnections?: number | undefined
  /** The most connections of one identity at a time. The hub answers further requests with 429. @defaultValue no limit */
  readonly maxConnectionsPerIdentity?: number | undefined
  /** Topics and patterns of one subscription. @defaultValue 64 */
  readonly maxTopicsPerConnection?: number | undefined
  /** Length of a topic or pattern in UTF-16 code units. @defaultValue 255 */
  readonly maxTopicLength?: number | undefined
  /** Size of one event's data in bytes of UTF-8. @defaultValue 1 MiB */
  readonly maxEventBytes?: number | undefined
  /**
   * Milliseconds after which the hub closes a connection with the reason `expired`, so that clients spread over the servers
   * again. Each connection is closed after 90 % to 110 % of that time.
   *
   * @defaultValue 0: never
   */
  readonly maxConnectionAgeMs?: number | undefined
  /** What `connections({ everywhere: true })` calls this process. @defaultValue 12 random letters and digits */
  readonly node?: string | undefined
  /**
   * How often this process reports its connections to the other processes on the log, in milliseconds, while it has any. The
   * result of `connections({ everywhere: true })` is at most that old, and still has the connections of a process that died for
   * three times as long. A report takes some 60 bytes for each connection. 0: this process does not report.
   *
   * @defaultValue 5000; 0 for a log that the hub has made for itself
   */
  readonly presenceIntervalMs?: number | undefined
  /** Called when a connection has been opened. What it throws goes to `onError`. */
  readonly onJoin?: ((connection: HubConnection) => void) | undefined
  /** Called when a connection is gone. What it throws goes to `onError`. */
  readonly onLeave?: ((connection: HubConnection, reason: CloseReason) => void) | undefined
}

export const hubOptionNames: OptionNames<HubOptions> = {
  ...connectionOptionNames,
  log: true,
  topics: true,
  validate: true,
  authorize: true,
  maxConnections: true,
  maxConnectionsPerIdentity: true,
  maxTopicsPerConnection: true,
  maxTopicLength: true,
  maxEventBytes: true,
  maxConnectionAgeMs: true,
  node: true,
  presenceIntervalMs: true,
  onJoin: true,
  onLeave: true,
}

/** One event, as a filter gets it. */
export interface HubEventView {
  readonly topic: string
  readonly event: string
  readonly data: string
  readonly id: string
}

/** An event that your application makes for one subscriber. It has no id of its own: the hub assigns ids. */
export interface OwnEvent {
  /** A string is sent as it is, anything else as JSON. */
  readonly data: unknown
  readonly event?: string | undefined
}

/**
 * What a stream sends in place of the hub's own events. If a function returns null, the stream sends nothing.
 *
 * If a stream ends before it is complete and says nothing about that, the hub breaks the transfer off.
 */
export interface OwnWords {
  /** In place of `stream.end`. */
  readonly end?:
    | ((end: { readonly topic: string; readonly reason: EndReason }) => OwnEvent | null)
    | undefined
  /** In place of `stream.error`, which comes before an end with the reason `failed`. */
  readonly failure?:
    | ((failure: { readonly topic: string; readonly message: string }) => OwnEvent | null)
    | undefined
  /** In place of `stream.gap`. */
  readonly gap?: ((gap: Gap) => OwnEvent | null) | undefined
}

/** Options of {@link Hub.subscribe}. Options of a connection override those of the hub for this connection. */
export interface SubscribeOptions extends Omit<ConnectionOptions, 'runtime'> {
  /**
   * Topics by their names, with no wildcards. Use the tag `topic` for names with values from the request:
   * `` [topic`orders.${id}`] ``. Topics and patterns together: 1 to `maxTopicsPerConnection`.
   */
  readonly topics?: readonly string[] | undefined
  /**
   * Patterns: `orders.*` is one token in the place of `*`, `orders.>` one or more at the end. Use the tag `pattern` for
   * patterns with values from the request.
   */
  readonly patterns?: readonly string[] | undefined
  /** The id to continue after, or `earliest`. @defaultValue what the request says */
  readonly lastEventId?: string | undefined
  /**
   * The connection gets the events for which this returns `true`. The hub calls it for each event, in replay as well, so it
   * should be quick. It cannot be asynchronous: a promise ends the stream with an error.
   */
  readonly filter?: ((event: HubEventView) => boolean) | undefined
  /** The identity of the connection. @defaultValue what `authorize` returns */
  readonly identity?: string | undefined
  /**
   * Makes events for this subscriber that come right before those of its topics: a snapshot, then all changes since. A string
   * is an event's data. The hub calls the function when the client has no position to continue after, and after a gap. These
   * events have no ids, so a client whose connection breaks in the middle gets all of them again. An error goes to `onError`
   * and ends the stream.
   */
  readonly first?:
    | ((context: {
        /** The id after which the events of the topics follow. */
        readonly position: string
        /** Aborts when the connection is gone. */
        readonly signal: AbortSignal
      }) => Sequence<OwnEvent | string> | Promise<Sequence<OwnEvent | string>>)
    | undefined
  /**
   * Turns each event into the form that this subscriber gets; `null` leaves the event out. The id stays. The hub calls it after
   * `filter`, under the same rules. An error ends the stream.
   */
  readonly map?: ((event: HubEventView) => OwnEvent | null) | undefined
  /** What the stream sends for its end, a failure and a gap, for readers that do not know the hub's own events. */
  readonly words?: OwnWords | undefined
  /**
   * Whether each event has the field `topic`, for readers of patterns. Parsers that follow the standard ignore the field.
   *
   * @defaultValue false
   */
  readonly topicField?: boolean | undefined
  /**
   * Answers 204 unless one of the topics is running: for clients that ask whether there is something to join. They get 204 in
   * place of 410 as well, also if the beginning of a running topic is gone and the reader could not be notified.
   *
   * @defaultValue false
   */
  readonly onlyWhileRunning?: boolean | undefined
  /**
   * How much of the [wire contract](https://github.com/sse-toolkit/sse-toolkit/blob/main/docs/reference/wire-contract.md) the stream
   * follows. Clients that treat every event as one of theirs, whatever its type, such as the AI SDK, need `ids-only`:
   * the first block and the ids stay, and events whose types begin with `stream.` are left out. With `off` every block is an
   * event of the application. Gaps are then not announced, and the hub answers 410 for a finite topic whose beginning is gone. The
   * end of the response means that this was all; if the topic failed or was interrupted, the hub breaks the transfer off.
   *
   * @defaultValue `'full'`
   */
  readonly wireContract?: WireContract | undefined
  /** Further header fields of the response. They override those of the event stream. */
  readonly headers?: HeaderFields | undefined
  /** Ends the stream with the reason `server` when it aborts. A stream of finite topics is broken off. */
  readonly signal?: AbortSignal | undefined
  /** Called once, when the connection is gone. */
  readonly onClose?: ((reason: CloseReason) => void) | undefined
}

// Clock and timers are the hub's.
const { runtime: _runtime, ...namesOfOneConnection } = connectionOptionNames

export const subscribeOptionNames: OptionNames<SubscribeOptions> = {
  ...namesOfOneConnection,
  topics: true,
  patterns: true,
  lastEventId: true,
  filter: true,
  identity: true,
  wireContract: true,
  first: true,
  map: true,
  words: true,
  topicField: true,
  onlyWhileRunning: true,
  headers: true,
  signal: true,
  onClose: true,
}

/** Options of {@link Hub.read}. */
export interface ReadOptions {
  /** Patterns, besides the topics. Topics and patterns together: at least one. */
  readonly patterns?: readonly string[] | undefined
  /** The id to continue after, or `earliest`. @defaultValue from now on; for a finite topic its beginning */
  readonly after?: string | undefined
  /** When it aborts, the iteration throws its reason. */
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link Hub.join}. */
export interface JoinOptions {
  /** Topics by their names, with no wildcards. */
  readonly topics?: readonly string[] | undefined
  /** Patterns, as in `subscribe`. Topics and patterns together: at least one. */
  readonly patterns?: readonly string[] | undefined
  /** The id to continue after, or `earliest`. @defaultValue the stream's `lastEventId` */
  readonly after?: string | undefined
  /** The stream gets the events for which this returns `true`. An error ends the stream. */
  readonly filter?: ((event: HubEventView) => boolean) | undefined
}

export const joinOptionNames: OptionNames<JoinOptions> = {
  topics: true,
  patterns: true,
  after: true,
  filter: true,
}

/** What {@link Hub.read} yields, in the order of the log. `id` is the position after it: continue with `after: id`. */
export type HubReading =
  /** An event that was published. */
  | {
      readonly type: 'event'
      readonly id: string
      readonly topic: string
      readonly event: string
      readonly data: string
    }
  /** Events are missing. The other fields are those of {@link Gap}. */
  | ({ readonly type: 'gap'; readonly id: string } & Gap)
  /** The producer of a finite topic failed, with a text that is safe to show. The end of the topic follows. */
  | { readonly type: 'failure'; readonly id: string; readonly topic: string; readonly message: string }
  /** A finite topic has ended. */
  | { readonly type: 'end'; readonly id: string; readonly topic: string; readonly reason: EndReason }

/** Selects connections: those that would get events of `topic`, those of `identity`, or all. */
export interface ConnectionFilter {
  readonly topic?: string | undefined
  readonly identity?: string | undefined
}

/** One connection of any process on the log, as that process last reported it: see `presenceIntervalMs`. */
export interface PresentConnection {
  readonly identity: string | undefined
  readonly topics: readonly string[]
  /** The process that has the connection: its hub's `node`. */
  readonly node: string
  /** When it was opened, in milliseconds since 1970 by that process's clock. */
  readonly openedAt: number
}

/** One connection, as it is at the moment. */
export interface HubConnection {
  readonly identity: string | undefined
  readonly topics: readonly string[]
  /** The id of the last event that was sent on it. */
  readonly position: string
  readonly ageMs: number
  readonly bufferedBytes: number
}

/** Options of {@link Hub.disconnect}. */
export interface DisconnectOptions extends ForbidOptions {
  /**
   * Whether their clients may come back. With `forbid` the hub answers them 204 for `forbidMs`, after which an EventSource does
   * not try again. The hub knows them by identity: a connection without one cannot be forbidden, and counts as allowed.
   *
   * @defaultValue `'allow'`
   */
  readonly reconnect?: 'allow' | 'forbid' | undefined
}

/** Options of {@link Hub.forbid}. */
export interface ForbidOptions {
  /** How long the ban lasts, in milliseconds. @defaultValue 600 000, ten minutes */
  readonly forbidMs?: number | undefined
}

/** Options of {@link Hub.close}. */
export interface HubCloseOptions {
  /**
   * Milliseconds for which the runs of this process may go on, with their readers, before anything else is closed. No new run
   * begins in that time. Runs that have not ended by then end as `interrupted`.
   *
   * @defaultValue 0
   */
  readonly runsMs?: number | undefined
  /**
   * Milliseconds over which the hub ends the connections, evenly spread. Each client gets a different reconnection time, so that
   * they do not all come back at once.
   *
   * @defaultValue 0: at once
   */
  readonly drainMs?: number | undefined
  /** Milliseconds for clients to take what is still queued for them. Then the hub destroys the connections. @defaultValue 5000 */
  readonly timeoutMs?: number | undefined
}

/** Options of {@link Hub.end} and {@link Hub.run}. */
export interface EndOptions {
  /** Milliseconds for which clients can still read an ended topic. Then they get 410. @defaultValue 600 000 */
  readonly ttlMs?: number | undefined
}

/** Options of {@link Hub.run}. */
export interface RunOptions extends EndOptions {
  /**
   * Milliseconds for which a stopped producer may still give its last events. Its signal aborts when `cancel` is called or the
   * hub closes.
   *
   * @defaultValue 0: later events are not published
   */
  readonly stopMs?: number | undefined
  /**
   * The text that readers get, as an event `stream.error`, when the producer fails. It must be safe to show: the error itself
   * goes to `onError` only.
   *
   * @defaultValue `The producer failed`
   */
  readonly errorMessage?: string | ((error: unknown) => string) | undefined
}
