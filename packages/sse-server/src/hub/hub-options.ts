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

/** Which events each topic has: topic or pattern -> event type -> Standard Schema of its data. */
export type TopicSchemas = Readonly<Record<string, EventSchemas>>

/** The topics that a pattern stands for, as a type: `orders.*` is `orders.${string}`. */
export type TopicsOf<Pattern extends string> = Pattern extends `${infer Head}*${infer Tail}`
  ? `${Head}${string}${TopicsOf<Tail>}`
  : Pattern extends `${infer Head}>`
    ? `${Head}${string}`
    : Pattern

/** Options of {@link createHub}. Those of a connection are for each that subscribes. */
export interface HubOptions<Schemas extends TopicSchemas = TopicSchemas> extends ConnectionOptions {
  /** Where events are kept. @defaultValue `memoryLog()`, which the hub then closes with itself */
  readonly log?: EventLog | undefined
  /** Types `publish`, and with `validate: 'on-publish'` checks it. */
  readonly topics?: Schemas | undefined
  /** @defaultValue `'off'` */
  readonly validate?: 'off' | 'on-publish' | undefined
  /** Decides what each request may have. @defaultValue everybody may have everything */
  readonly authorize?: Authorize | undefined
  /** Connections at once; one more is answered 503. @defaultValue no limit */
  readonly maxConnections?: number | undefined
  /** Connections of one identity at once; one more is answered 429. @defaultValue no limit */
  readonly maxConnectionsPerIdentity?: number | undefined
  /** Topics and patterns of one subscription. @defaultValue 64 */
  readonly maxTopicsPerConnection?: number | undefined
  /** Length of a topic or pattern in UTF-16 code units. @defaultValue 255 */
  readonly maxTopicLength?: number | undefined
  /** Size of one event's data in bytes of UTF-8. @defaultValue 1 MiB */
  readonly maxEventBytes?: number | undefined
  /**
   * Milliseconds after which a connection is closed, with the reason `expired`, so that clients spread anew over
   * servers; each at a time between 90 % and 110 % of it.
   *
   * @defaultValue 0: never
   */
  readonly maxConnectionAgeMs?: number | undefined
  /** What `connections({ everywhere: true })` calls this process. @defaultValue 12 letters and digits by chance */
  readonly node?: string | undefined
  /**
   * How often the other processes on the log are told which connections there are here, in milliseconds, as long as there are
   * any. `connections({ everywhere: true })` is as old as that, and still has those of a process that died for three times as
   * long. A summary takes some 60 bytes for each connection. 0: they are not told.
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

/** One event as filters see it. */
export interface HubEventView {
  readonly topic: string
  readonly event: string
  readonly data: string
  readonly id: string
}

/** An event as an application makes it for one subscription. Its id, if it has one, is the hub's to give. */
export interface OwnEvent {
  /** A string is sent as it is, anything else as JSON. */
  readonly data: unknown
  readonly event?: string | undefined
}

/**
 * What a subscription says in place of the hub's own events. A function that returns null says nothing.
 *
 * Where the end of a stream that is not whole is not said, the response is broken off.
 */
export interface OwnWords {
  /** In place of `stream.end`. */
  readonly end?:
    | ((end: { readonly topic: string; readonly reason: EndReason }) => OwnEvent | null)
    | undefined
  /** In place of `stream.error`, which comes before an end of the reason `failed`. */
  readonly failure?:
    | ((failure: { readonly topic: string; readonly message: string }) => OwnEvent | null)
    | undefined
  /** In place of `stream.gap`. */
  readonly gap?: ((gap: Gap) => OwnEvent | null) | undefined
}

/** Options of {@link Hub.subscribe}. Those of a connection take the place of the hub's for this one. */
export interface SubscribeOptions extends Omit<ConnectionOptions, 'runtime'> {
  /**
   * Topics by their names, with no wildcards. Use the tag `topic` for names that hold values of the request:
   * `` [topic`orders.${id}`] ``. Topics and patterns together: 1 to `maxTopicsPerConnection`.
   */
  readonly topics?: readonly string[] | undefined
  /**
   * Patterns: `orders.*` is one token in the place of `*`, `orders.>` one or more at the end. Use the tag `pattern` for
   * those that hold values of the request.
   */
  readonly patterns?: readonly string[] | undefined
  /** Which event to go on after, or `earliest`. @defaultValue what the request says */
  readonly lastEventId?: string | undefined
  /**
   * Which events this connection gets: those for which it returns `true`. Called for each event, in replay too, so it
   * should be quick, and cannot be asynchronous: a promise ends the stream with an error.
   */
  readonly filter?: ((event: HubEventView) => boolean) | undefined
  /** Whose connection it is. @defaultValue what `authorize` says */
  readonly identity?: string | undefined
  /**
   * Events made for this subscriber, placed without a seam before those of its topics: a snapshot, then what has changed
   * since. A string is an event's data. It is called when the client has no position to go on after, and after a gap. What it gives has no id, so a client
   * that is cut in the middle of it gets it anew. What it throws goes to `onError`, and ends the stream.
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
   * Gives each event the form that this subscriber gets, or leaves it out by `null`. The id stays. Called as `filter` is, after
   * it; what it throws ends the stream with an error.
   */
  readonly map?: ((event: HubEventView) => OwnEvent | null) | undefined
  /** What the stream says of its end, of a failure and of a gap, for readers who do not know the hub's own events. */
  readonly words?: OwnWords | undefined
  /**
   * Whether each event bears the field `topic`, for readers of patterns. Parsers that follow the standard ignore it.
   *
   * @defaultValue false
   */
  readonly topicField?: boolean | undefined
  /**
   * Answers 204 unless one of the topics is running: for clients that ask whether there is something to join. It takes the
   * place of 410, too, also where the beginning of what runs is gone, and the reader cannot be told.
   *
   * @defaultValue false
   */
  readonly onlyWhileRunning?: boolean | undefined
  /**
   * How much of the [wire contract](https://github.com/sse-toolkit/sse-toolkit/blob/main/docs/reference/wire-contract.md) the stream
   * follows. Clients that take every event for one of theirs, whatever its type, such as the AI SDK's, need `ids-only`:
   * the first block and the ids stay, and events whose types begin with `stream.` are left out. With `off` every block is an
   * event of the application. A gap is then not announced, and a finite topic whose beginning is gone is answered 410. The end
   * of the response says that this was all: one that failed, or was interrupted, breaks the transfer.
   *
   * @defaultValue `'full'`
   */
  readonly wireContract?: WireContract | undefined
  /** Header fields beside those of the event stream; they win over them. */
  readonly headers?: HeaderFields | undefined
  /** Ends the stream, with the reason `server`, when it aborts. One of topics that end by themselves is broken off. */
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
  /** The id to go on after, or `earliest`. @defaultValue from now on; a finite topic from its beginning */
  readonly after?: string | undefined
  /** Ends the iteration with its reason, when it aborts. */
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link Hub.join}. */
export interface JoinOptions {
  /** Topics by their names, with no wildcards. */
  readonly topics?: readonly string[] | undefined
  /** Patterns, as those of `subscribe`. Topics and patterns together: at least one. */
  readonly patterns?: readonly string[] | undefined
  /** The id to go on after, or `earliest`. @defaultValue the stream's `lastEventId` */
  readonly after?: string | undefined
  /** Which events the stream gets: those for which it returns `true`. What it throws ends the stream. */
  readonly filter?: ((event: HubEventView) => boolean) | undefined
}

export const joinOptionNames: OptionNames<JoinOptions> = {
  topics: true,
  patterns: true,
  after: true,
  filter: true,
}

/** What {@link Hub.read} gives, in the order of the log. `id` is the position after it: go on with `after: id`. */
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

/** Which connections are meant: those that would get events of `topic`, those of `identity`, or all. */
export interface ConnectionFilter {
  readonly topic?: string | undefined
  readonly identity?: string | undefined
}

/** One connection of any process on the log, as its process last said: see `presenceIntervalMs`. */
export interface PresentConnection {
  readonly identity: string | undefined
  readonly topics: readonly string[]
  /** The process that has it: its hub's `node`. */
  readonly node: string
  /** When it was opened, in milliseconds since 1970 by that process's clock. */
  readonly openedAt: number
}

/** One connection, as it is at the moment. */
export interface HubConnection {
  readonly identity: string | undefined
  readonly topics: readonly string[]
  /** The id of the last event that was sent to it. */
  readonly position: string
  readonly ageMs: number
  readonly bufferedBytes: number
}

/** Options of {@link Hub.disconnect}. */
export interface DisconnectOptions extends ForbidOptions {
  /**
   * Whether their clients may come back. One that may not is answered 204, which ends every EventSource, for
   * `forbidMs`. It is known by its identity: one without cannot be kept out, and counts as allowed.
   *
   * @defaultValue `'allow'`
   */
  readonly reconnect?: 'allow' | 'forbid' | undefined
}

/** Options of {@link Hub.forbid}. */
export interface ForbidOptions {
  /** Milliseconds for which it is kept out. @defaultValue 600 000, ten minutes */
  readonly forbidMs?: number | undefined
}

/** Options of {@link Hub.close}. */
export interface HubCloseOptions {
  /**
   * Milliseconds for which what runs here may go on, with its readers, before anything else. No run begins meanwhile. What has
   * not come to its end by then ends as `interrupted`.
   *
   * @defaultValue 0
   */
  readonly runsMs?: number | undefined
  /**
   * Milliseconds over which connections are ended, evenly, each told a reconnection time of its own, so that they do not
   * all come back at once.
   *
   * @defaultValue 0: at once
   */
  readonly drainMs?: number | undefined
  /** Milliseconds for what is still queued to be taken; then connections are destroyed. @defaultValue 5000 */
  readonly timeoutMs?: number | undefined
}

/** Options of {@link Hub.end} and {@link Hub.run}. */
export interface EndOptions {
  /** Milliseconds for which an ended topic can still be read; then it is answered 410. @defaultValue 600 000 */
  readonly ttlMs?: number | undefined
}

/** Options of {@link Hub.run}. */
export interface RunOptions extends EndOptions {
  /**
   * Milliseconds for which a producer that is stopped, by `cancel` or because the hub closes, may go on to give its last events.
   * It learns of it by its signal.
   *
   * @defaultValue 0: what it gives after that is not published
   */
  readonly stopMs?: number | undefined
  /**
   * What readers are told, as an event `stream.error`, when the producer fails. It must be safe to show: the error itself
   * goes to `onError` alone.
   *
   * @defaultValue `The producer failed`
   */
  readonly errorMessage?: string | ((error: unknown) => string) | undefined
}
