import { requireOneOf, requireType } from '../check-option.ts'
import { prepareRequest, resolveUrl } from '../connection/request.ts'
import type { PerAttempt, RequestConfig } from '../connection/request.ts'
import type { EventSchemas } from '../delivery/event-data.ts'
import { createEventDelivery } from '../delivery/event-delivery.ts'
import type { Consumers } from '../delivery/event-delivery.ts'
import { createListeners } from '../delivery/listeners.ts'
import { OptionError } from '../errors/option-error.ts'
import { StreamEndError } from '../errors/stream-end-error.ts'
import type { StreamEndErrorCode } from '../errors/stream-end-error.ts'
import { createStoreWriter } from '../last-event-id/last-event-id-store.ts'
import type { LastEventIdStore } from '../last-event-id/last-event-id-store.ts'
import type { ResumePosition } from '../last-event-id/resume-position.ts'
import { resolveOptions } from '../options/connection-options.ts'
import type { StreamDefaults } from '../options/connection-options.ts'
import { fullJitter } from '../reconnection/backoff.ts'
import { openReconnectingStream } from '../reconnection/reconnecting-stream.ts'
import type { StreamObserver } from '../reconnection/reconnecting-stream.ts'
import { createRetryPolicy } from '../reconnection/retry-policy.ts'
import type { EventSourceCloseReason, StreamStatus } from '../reconnection/stream-status.ts'
import type { SharedStreamConfig } from '../sharing/membership.ts'
import { openSharedStream } from '../sharing/shared-stream.ts'
import type { DecodedEvent } from '../stream-event.ts'
import { contractPosition } from '../wire-contract/contract-position.ts'
import { standingFor } from '../wire-contract/standing.ts'
import type { EventOf, EventSourceClient, EventSourceOptions } from './event-source-client.ts'

type Page = Pick<EventTarget, 'addEventListener'> & { readonly visibilityState: string }

/** What an option is before its parts have been looked at. */
type Unchecked<Part extends string> = Readonly<Record<Part, unknown>>

interface UncheckedSchema {
  readonly '~standard'?: { readonly validate: unknown }
}

const defaults: StreamDefaults = {
  reconnection: { baseDelayMs: 1000, maxDelayMs: 30_000, backoff: fullJitter },
  connectTimeoutMs: 30_000,
}

/**
 * Opens an event stream that reconnects, resumes, and tells what it does.
 *
 * Effect: a GET request with `Accept: text/event-stream`, at once; after a loss, again with `Last-Event-ID`, after a
 * delay that grows with each failure (full jitter, 1 s to 30 s).
 *
 * @param url - Relative to the page, as for `EventSource`; or a function that gives the URL of each attempt.
 * @throws {@link OptionError} `code: 'invalid-option'` for an option that cannot work, with its name and value.
 * @example
 * ```ts
 * import { createEventSource } from '@sse-toolkit/event-source-client'
 *
 * export async function printOrders(signal: AbortSignal): Promise<void> {
 *   const orders = createEventSource('http://localhost:8080/orders', { data: 'json', signal })
 *   for await (const { type, data } of orders) console.log(type, data)
 * }
 * ```
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export function createEventSource<
  const Schemas extends EventSchemas | undefined = undefined,
  Data extends 'text' | 'json' = 'text',
>(
  url: PerAttempt<string | URL>,
  options: EventSourceOptions<Schemas, Data> = {},
): EventSourceClient<EventOf<Schemas, Data>> {
  const {
    lastEventIdStore: store,
    lastEventId = '',
    signal,
    credentials = 'same-origin',
    maxBufferedBytes = 2 ** 20,
  } = options
  const data = requireOneOf<{ readonly data?: 'text' | 'json' | undefined }, 'data'>(options, 'data', [
    'text',
    'json',
  ])
  const whenHidden = requireOneOf(options, 'whenHidden', ['keep', 'pause'])
  const wantsSharing = requireOneOf(options, 'share', ['none', 'origin']) === 'origin'
  const slowConsumer = requireOneOf(
    options,
    'slowConsumer',
    wantsSharing ? ['fail', 'drop-oldest'] : ['pause', 'drop-oldest', 'fail'],
  )
  requireType('number', { maxBufferedBytes })
  requireType('string', { terminator: options.terminator })
  if (signal)
    requireType(
      'function',
      { addEventListener: (signal as Unchecked<'addEventListener'>).addEventListener },
      'signal.',
    )
  if (store) {
    const { load, save } = store as Unchecked<'load' | 'save'>
    requireType('function', { load, save }, 'lastEventIdStore.')
  }
  for (const [type, schema] of Object.entries<UncheckedSchema | undefined>(options.events ?? {}))
    requireType('function', { validate: schema?.['~standard']?.validate }, `events.${type}.~standard.`)
  if (wantsSharing && typeof url === 'function') throw new OptionError('url', url, 'a URL, with share')
  const config = resolveOptions(options, defaults)
  const { reconnect } = config
  const position = contractPosition(lastEventId)
  const loadPosition = store && !lastEventId ? positionLoader(store, position) : undefined
  const target = requireUrl(url)
  const retryPolicy = createRetryPolicy({ ...options, reconnect }, config.runtime)

  const statuses = createListeners<StreamStatus>()
  // Not in workers, nor outside of browsers.
  const page = whenHidden === 'pause' ? (globalThis as { document?: Page }).document : undefined
  const isHidden = (): boolean => page?.visibilityState === 'hidden'
  let status: StreamStatus = isHidden() ? { state: 'paused' } : { state: 'connecting', attempt: 0 }
  let resolveClosed: (reason: EventSourceCloseReason) => void
  const closed = new Promise<EventSourceCloseReason>((resolve) => {
    resolveClosed = resolve
  })
  let isReading = true
  let serverWords = ''

  const delivery = createEventDelivery({
    ...options,
    data,
    isOurs: () => position.standing !== 'stranger',
    maxBufferedBytes,
    slowConsumer,
    onFlow: regulate,
    save: (id) => writer?.save(id),
    close: (reason, cause) => stream.close(reason, cause),
    leave: () => close('client'),
    onFailure: (words) => void (serverWords = words),
  })
  const writer = store && createStoreWriter(store, delivery.fail)

  const streamConfig: SharedStreamConfig & RequestConfig = {
    ...config,
    url: target,
    credentials,
    position,
    loadPosition,
    ...retryPolicy,
    prepareRequest: (attempt, from = position) =>
      prepareRequest({ ...streamConfig, position: from }, attempt),
  }
  const observer: StreamObserver = {
    onStatus(next) {
      if (next.state === 'open') retryPolicy.reset()
      if (next.state !== 'closed') announce(next)
      else
        delivery.inTurn(() => {
          const { reason } = next
          const cause = isIncomplete(reason)
            ? new StreamEndError(reason, serverWords, { cause: next.cause })
            : next.cause
          delivery.end(cause)
          void finish({ ...next, cause })
        })
    },
    onEvent(type, text, id, topic) {
      if (!position.admit(type, id)) return
      const event = { type, data: text, lastEventId: position.lastEventId }
      // Of another server the field means nothing.
      delivery.decode(topic && position.standing !== 'stranger' ? { ...event, topic } : event)
    },
    onIdOnly(id) {
      position.move(id)
      delivery.skip(position.lastEventId)
    },
    onComment: delivery.onComment,
    onStanding: (standing) => position.follow(standingFor(config.wireContract, standing)),
  }
  const stream = wantsSharing
    ? openSharedStream(`sse-toolkit 1 ${String(target)}`, streamConfig, observer)
    : openReconnectingStream(streamConfig, observer)
  regulate()

  const unwatch = new AbortController()
  const abort = (): void => close('aborted')
  const followVisibility = (): void => {
    if (!isHidden()) stream.connect()
    // What is sent once is not cut.
    else if (reconnect !== 'never') stream.disconnect()
  }
  signal?.addEventListener('abort', abort, { signal: unwatch.signal })
  if (signal?.aborted) abort()
  else {
    followVisibility()
    page?.addEventListener('visibilitychange', followVisibility, { signal: unwatch.signal })
  }

  function regulate(): void {
    if (delivery.isReady === isReading) return
    isReading = !isReading
    if (isReading) stream.resume()
    else stream.pause()
  }

  function announce(next: StreamStatus): void {
    status = next
    statuses.emit(next)
  }

  /** Also what the stream itself has left behind: it may have ended while events were still being decoded. */
  function close(reason: 'client' | 'aborted'): void {
    stream.close(reason)
    delivery.stop()
    void finish({ state: 'closed', reason })
  }

  async function finish(next: StreamStatus & { state: 'closed' }): Promise<void> {
    if (status.state === 'closed') return
    unwatch.abort()
    announce(next)
    statuses.clear()
    await writer?.flush()
    resolveClosed(next.reason)
  }

  const client: Omit<EventSourceClient<DecodedEvent>, 'on'> & Consumers = {
    get status() {
      return status
    },
    get lastEventId() {
      return position.lastEventId
    },
    closed,
    ...delivery.consumers,
    // A listener may have changed the status again before the next one is called.
    onStatus: (listener) =>
      statuses.add((next) => {
        if (next === status) listener(next)
      }),
    reconnect: stream.reconnect,
    close: () => close('client'),
    async [Symbol.asyncDispose]() {
      close('client')
      await closed
    },
  }
  // The decoding above is by the same schemas that the type is made of.
  return client as unknown as EventSourceClient<EventOf<Schemas, Data>>
}

function isIncomplete(reason: EventSourceCloseReason): reason is StreamEndErrorCode {
  return /^(failed|interrupted|expired)$/.test(reason)
}

/** Resolved once: a page that changes its base URL does not move a stream. */
function requireUrl(url: PerAttempt<string | URL>): PerAttempt<string | URL> {
  if (typeof url === 'function') return url
  try {
    return resolveUrl(url)
  } catch (cause) {
    throw new OptionError('url', url, 'a URL', { cause })
  }
}

/** The position is asked for until it is there: to begin without it would be to lose events. */
function positionLoader(store: LastEventIdStore, position: ResumePosition): () => Promise<void> {
  let isLoaded = false
  return async () => {
    const id = isLoaded ? undefined : await store.load()
    // Another attempt may have been faster, and the position be further since.
    if (id && !isLoaded) position.move(id)
    isLoaded = true
  }
}
