// Its users may have neither this lib nor @types/node, and AsyncDisposable is part of the types below.
/// <reference lib="esnext.disposable" preserve="true" />

import type { ConnectionFailure } from '../connection/connection.ts'
import type { EventSchemas } from '../delivery/event-data.ts'
import type { EventsOptions } from '../delivery/event-delivery.ts'
import type { QueueOverflowPolicy } from '../delivery/event-queue.ts'
import type { EventDataError } from '../errors/event-data-error.ts'
import type { LastEventIdStoreError } from '../errors/last-event-id-store-error.ts'
import type { ResponseError } from '../errors/response-error.ts'
import type { LastEventIdStore } from '../last-event-id/last-event-id-store.ts'
import type { EventSourceConnectionOptions } from '../options/connection-options.ts'
import type { EventSourceCloseReason, StreamStatus } from '../reconnection/stream-status.ts'
import type { SchemaOutput } from '../standard-schema.ts'
import type { StreamEvent } from '../stream-event.ts'
import type { Gap, ReservedEvents } from '../wire-contract/reserved-events.ts'

/** The events that a client delivers, by its `events` and `data` options. */
export type EventOf<Schemas extends EventSchemas | undefined, Data extends 'text' | 'json'> = [
  Schemas,
] extends [undefined]
  ? // Asked first: without strictNullChecks, undefined extends all else, too.
    StreamEvent<string, Data extends 'json' ? unknown : string>
  : Schemas extends EventSchemas
    ?
        | { [Type in keyof Schemas & string]: StreamEvent<Type, SchemaOutput<Schemas[Type]>> }[keyof Schemas &
            string]
        | { [Type in keyof ReservedEvents]: StreamEvent<Type, ReservedEvents[Type]> }[keyof ReservedEvents]
    : never

export interface EventSourceOptions<
  Schemas extends EventSchemas | undefined = undefined,
  Data extends 'text' | 'json' = 'text',
> extends EventSourceConnectionOptions {
  /**
   * What the data of each event type must be, by any Standard Schema (zod, valibot, arktype); it is parsed as JSON
   * first. Types that are not named are ignored.
   *
   * @defaultValue none: every event is delivered, unchecked
   */
  readonly events?: Schemas | undefined
  /** How data without a schema is decoded. `json` reads empty data, and a string that our server sent, as the string that
   *  it is. @defaultValue `text` */
  readonly data?: Data | undefined
  /** The data that says that this is the end: `[DONE]`. It is not delivered, and the stream is `completed`. A stream that
   *  ends without it is not. @defaultValue none */
  readonly terminator?: string | undefined
  /**
   * Whether a failure is worth a new attempt; may be asynchronous. Undefined means the default: yes for network errors,
   * a clean end, and the statuses 408, 425, 429 and 5xx; no for other statuses, a wrong content type, and an event that
   * is too large. If it throws, the stream fails.
   */
  readonly shouldReconnect?:
    | ((failure: ConnectionFailure) => boolean | undefined | Promise<boolean | undefined>)
    | undefined
  /** Called on 401 or 403, once until the next stream opens. The request is repeated at once, with `headers` asked for
   *  anew, unless this returns (a promise of) false. If it throws, the stream fails. */
  readonly onUnauthorized?: ((error: ResponseError) => unknown) | undefined
  /** `pause` disconnects while the page is hidden, and resumes where it was. A request that is not repeated is not cut for
   *  that. @defaultValue `keep` */
  readonly whenHidden?: 'keep' | 'pause' | undefined
  /**
   * `origin` makes all pages and workers of the browser's origin that open the same URL share one connection: one of
   * them holds it and relays the events to the others, and when it goes another takes over without loss. Needs a secure
   * context (https, localhost); elsewhere each page has its own connection. The request is the leading page's, so the
   * options have to mean the same in all of them. A slow reader cannot hold back the others: `slowConsumer` is `fail`
   * or `drop-oldest`, and reading does not wait for the first consumer. The code for it is loaded on
   * first use; if it cannot be, the stream is closed with reason `error`.
   *
   * @defaultValue `none`
   */
  readonly share?: 'none' | 'origin' | undefined
  /** Closes the stream with reason `aborted`. */
  readonly signal?: AbortSignal | undefined
  /** As for fetch: `include` sends cookies to other origins. Browsers only. @defaultValue `same-origin` */
  readonly credentials?: NonNullable<RequestInit['credentials']> | undefined
  /** Remembers the position across restarts. Not asked if `lastEventId` is given. */
  readonly lastEventIdStore?: LastEventIdStore | undefined
  /** Memory, as estimated, that may wait for the async iterator; one chunk of the network comes on top. @defaultValue 1 MiB */
  readonly maxBufferedBytes?: number | undefined
  /** What happens beyond it. @defaultValue `pause`; with `share`, `fail` */
  readonly slowConsumer?: QueueOverflowPolicy | undefined
}

/**
 * An event stream that survives its connections, from {@link createEventSource}.
 *
 * **Reading begins with the first consumer** (`on`, `onAny`, `onComment`, `onGap`, or an iterator): until then, and
 * again when the last one is gone, the connection is open but nothing is read from it, so nothing is lost.
 *
 * **Nothing is called after `close()`**, not for the rest of the chunk at hand, nor for other listeners of the event.
 *
 * A listener that throws does not disturb the others; the platform's handler of uncaught errors gets the error.
 *
 * An open or reconnecting stream keeps a Node process alive; a closed one leaves no socket, timer or listener.
 */
export interface EventSourceClient<Event extends StreamEvent<string, unknown> = StreamEvent>
  extends AsyncIterable<Event, undefined>, AsyncDisposable {
  readonly status: StreamStatus
  /** The position that was read up to. What a slow iterator was given is the `lastEventId` of its event. */
  readonly lastEventId: string
  /** Resolves, and never rejects, when the stream is closed for good and its position is saved. */
  readonly closed: Promise<EventSourceCloseReason>
  /** @returns A function that removes the listener, as all of these do. */
  on<Type extends Event['type']>(type: Type, listener: (event: OfType<Event, Type>) => void): () => void
  onAny(listener: (event: Event) => void): () => void
  /** Comments, heartbeats among them, without the colon and one space. */
  onComment(listener: (text: string) => void): () => void
  /** Events were lost; the server, or the reader's own slowness, says which. */
  onGap(listener: (gap: Gap) => void): () => void
  /** Every change of `status`; what another listener has already changed again (`reconnect()`) is left out. */
  onStatus(listener: (status: StreamStatus) => void): () => void
  /**
   * What went wrong without ending the stream: data that could not be decoded, a position that could not be saved.
   * Without a listener, the iterator's `next()` rejects with it once; without an iterator either, it is an uncaught
   * error, as with Node's `error` events.
   */
  onError(listener: (error: EventDataError | LastEventIdStoreError) => void): () => void
  /** Reconnects at once, and asks for `url`, `headers` and `body` again. */
  reconnect(): void
  /** Idempotent. Closes the connection and never reconnects. */
  close(): void
  /** The events, as the stream itself gives them. With `keepOpen`, leaving the loop leaves the stream open. */
  events(options?: EventsOptions): AsyncIterableIterator<Event, undefined>
  /**
   * The events from now on. All iterators take from one queue: two loops share the events, and a loop that is left with
   * `keepOpen` can be followed by another one without loss; but what comes in between is the listeners', if there are any.
   *
   * **Leaving a loop closes the stream**, as leaving that of a ReadableStream does, unless another loop or listener still
   * reads. {@link events} can keep it open.
   *
   * Ends when the stream is closed; throws its cause if that was a failure: a `StreamEndError` if it is `failed`,
   * `interrupted` or `expired`.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Event, undefined>
}

/** The members of the union `Event` that may have the type. */
type OfType<Event extends StreamEvent<string, unknown>, Type> = Event extends unknown
  ? Type extends Event['type']
    ? Event
    : never
  : never
