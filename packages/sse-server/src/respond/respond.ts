import { eventStreamHeaders, eventStreamResponse } from './event-stream-response.ts'
import type { ByteSink } from '../connection/byte-sink.ts'
import type { Connection } from '../connection/event-stream.ts'
import { DeferredSink } from '../connection/deferred-sink.ts'
import { requestedEventId } from '../wire-contract/requested-event-id.ts'
import { checkOptionNames } from '../option-names.ts'
import type { OptionNames } from '../option-names.ts'
import { checkRequest } from '../options.ts'
import { checkSource } from './source.ts'
import type { EventStreamSource, RawSource } from './source.ts'
import { startRawStream, startStream } from './start-stream.ts'
import { eventStreamOptionNames, eventStreamSetup } from '../connection/event-stream-options.ts'
import type { EventStreamOptions, EventStreamSetup } from '../connection/event-stream-options.ts'
import type { EventSchemas } from '../format/typed-events.ts'

/** Options of {@link respond}. */
export interface RespondOptions<
  Schemas extends EventSchemas = EventSchemas,
> extends EventStreamOptions<Schemas> {
  /**
   * The request that is answered. It gives `lastEventId`, its signal closes the stream, and HEAD is answered with the
   * header fields alone.
   */
  readonly request?: Request | undefined
  /** Which event the client asks to go on after. @defaultValue what the request says */
  readonly lastEventId?: string | undefined
}

/**
 * Answers with an event stream.
 *
 * The head of the response goes out at once, and with it a block without data that announces the heartbeat (see
 * `heartbeatIntervalMs`) and the reconnection time. The source is started when the body is first asked for, and read as
 * fast as the client reads. If it throws, `onError` gets the error, and the client is notified (see `sourceFailure`). If the stream
 * is ended before a sequence has come to its end, the transfer is broken off. If the client leaves, the source's `signal` aborts and its `return()` is called once.
 *
 * @throws {@link OptionError} if the source is not one, or an option is invalid.
 * @example
 * ```ts
 * import { respond } from '@sse-toolkit/sse-server'
 *
 * function handler(request: Request): Response {
 *   return respond(
 *     async function* ({ lastEventId }) {
 *       for (let n = Number(lastEventId ?? 0) + 1; n <= 3; n++) yield { id: String(n), data: { n } }
 *     },
 *     { request, heartbeatIntervalMs: 0 },
 *   )
 * }
 *
 * const response = handler(new Request('http://localhost/', { headers: { 'last-event-id': '1' } }))
 * await response.text() // ': sse-toolkit 1\n\nid: 2\ndata: {"n":2}\n\nid: 3\ndata: {"n":3}\n\n'
 * ```
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export function respond<Schemas extends EventSchemas = EventSchemas>(
  source: EventStreamSource<Schemas>,
  options: RespondOptions<Schemas> = {},
): Response {
  checkSource('source', source)
  const setup = streamSetup(options)
  return eventStreamResponse(
    (sink) => startStream(sink, setup, source).queue,
    eventStreamHeaders(options.headers),
    options.request,
  )
}

/**
 * As {@link respond}, but waits for the source's first event, so that what fails before it can still be answered with a
 * status of its own.
 *
 * The source is started at once. For a HEAD request it is not started.
 *
 * @returns a promise that rejects with the source's error if it fails before its first event, and resolves to an empty
 *   event stream if it ends before it.
 * @throws {@link OptionError} as {@link respond} does.
 */
export async function respondOnFirstEvent<Schemas extends EventSchemas = EventSchemas>(
  source: EventStreamSource<Schemas>,
  options: RespondOptions<Schemas> = {},
): Promise<Response> {
  checkSource('source', source)
  return respondWhenBegun(options, (sink, setup) => startStream(sink, setup, source))
}

/** Answers once `start` has begun: with the first that its source gives, or with its failure. */
async function respondWhenBegun<Schemas extends EventSchemas>(
  options: RespondOptions<Schemas>,
  start: (sink: ByteSink, setup: EventStreamSetup) => Connection<Schemas>,
): Promise<Response> {
  const setup = streamSetup(options)
  const { request, signal } = options
  const headers = eventStreamHeaders(options.headers)
  if (request?.method === 'HEAD') return new Response(null, { headers })
  // The body is not read yet, so nothing else would notice that the client has left.
  const signals = [signal, request?.signal].filter((each) => each !== undefined)
  const begun = Promise.withResolvers<void>()
  const deferred = new DeferredSink(() => {
    begun.resolve()
    // The stream is over for its source, whether or not somebody comes to read what is left of it.
    queueMicrotask(() => connection.queue.closed())
  })
  const connection: Connection<Schemas> = start(deferred, {
    ...setup,
    options: { ...options, signal: signals.length === 0 ? undefined : AbortSignal.any(signals) },
    firstEvent: { sent: begun.resolve, failed: begun.reject },
  })
  await begun.promise
  return eventStreamResponse(
    (sink) => {
      deferred.connect(sink, connection.queue)
      return connection.queue
    },
    headers,
    request,
  )
}

/** Options of {@link respondRaw}: those of {@link respond}, except those that write blocks by themselves. */
export type RespondRawOptions = Omit<
  RespondOptions,
  'events' | 'validate' | 'reconnectionTimeMs' | 'heartbeat' | 'sourceFailure' | 'wireContract'
>

/**
 * Answers with an event stream that is formatted already: strings, sent as UTF-8, or bytes, passed on as they are.
 *
 * A source that fails breaks the transfer off, since what came is not the whole.
 *
 * A piece may end anywhere. A heartbeat is a comment line, and goes out only where the stream stands at the start of a
 * line, so it never breaks one; the bytes are otherwise just those given, with no first block before them.
 *
 * @throws {@link OptionError} as {@link respond} does.
 * @example
 * ```ts
 * import { formatEvent, respondRaw } from '@sse-toolkit/sse-server'
 *
 * const response = respondRaw([formatEvent({ data: 'one' }), 'data: two\n\n'])
 * await response.text() // 'data: one\n\ndata: two\n\n'
 * ```
 */
export function respondRaw(source: RawSource, options: RespondRawOptions = {}): Response {
  checkSource('source', source)
  const setup = streamSetup(options)
  return eventStreamResponse(
    (sink) => startRawStream(sink, setup, source).queue,
    eventStreamHeaders(options.headers),
    options.request,
  )
}

/**
 * As {@link respondRaw}, but waits for the source's first piece that is not empty, so that what fails before it can still be
 * answered with a status of its own: see {@link respondOnFirstEvent}.
 *
 * @returns a promise that rejects with the source's error if it fails before its first piece, and resolves to an empty
 *   event stream if it ends before it.
 * @throws {@link OptionError} as {@link respond} does.
 */
export async function respondRawOnFirstPiece(
  source: RawSource,
  options: RespondRawOptions = {},
): Promise<Response> {
  checkSource('source', source)
  return respondWhenBegun(options, (sink, setup) => startRawStream(sink, setup, source))
}

const respondOptionNames: OptionNames<RespondOptions> = {
  ...eventStreamOptionNames,
  request: true,
  lastEventId: true,
}

function streamSetup(options: RespondOptions): EventStreamSetup {
  checkOptionNames(options, respondOptionNames)
  const { request } = options
  if (request !== undefined) checkRequest(request)
  const header = request?.headers.get('last-event-id')
  return eventStreamSetup(options, requestedEventId(options.lastEventId, header, request?.url ?? ''))
}
