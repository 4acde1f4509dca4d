import { callListener } from '../callbacks.ts'
import { OptionError } from '../errors/option-error.ts'
import { grants, parseAuthorization } from '../hub/authorization.ts'
import type { Access, Authorize } from '../hub/authorization.ts'
import type { Hub } from '../hub/hub.ts'
import { maxBatchEvents } from '../log/event-log.ts'
import { checkOptionNames } from '../option-names.ts'
import type { OptionNames } from '../option-names.ts'
import { checkRequest, durationOption, functionOption, limitOption } from '../options.ts'
import { systemRuntime } from '../runtime.ts'
import type { Runtime } from '../runtime.ts'
import { parseTopic } from '../topics/topic-pattern.ts'
import { problemOf } from './problem-of.ts'
import { isClientStatus, problemResponse, Refusal } from './problem.ts'
import { producerFields } from './producer-fields.ts'
import { parsePublished, publishedTypeOf } from './published-events.ts'
import { readContent } from './request-content.ts'

/** Options of {@link createPublishHandler}. */
export interface PublishHandlerOptions {
  /**
   * Decides what each request may publish to. It fails closed, as a hub's does: whatever is not a Response or a grant is answered
   * 500. `topics` absent grants all topics. Each `identity` has its own producers and idempotency keys. To let everybody
   * publish everything, say so: `() => ({})`.
   */
  readonly authorize: Authorize
  /**
   * The topic that a request publishes to. An error with the `status` 400, as the tag `topic` throws it, 403 or 404 is
   * answered with that status and its text.
   *
   * @defaultValue the query parameter `topic`
   */
  readonly topic?: ((request: Request) => string) | undefined
  /** Bytes of one request's content; more is answered 413. @defaultValue 1 MiB */
  readonly maxBodyBytes?: number | undefined
  /** Events of one request; more is answered 413. At most 256. @defaultValue 256 */
  readonly maxEvents?: number | undefined
  /** Milliseconds that the content of a request may take to arrive; after that the answer is 408. @defaultValue 30 000. 0: no limit */
  readonly bodyTimeoutMs?: number | undefined
  /** Requests that are answered at once; one more gets 503. @defaultValue 1000 */
  readonly maxRequests?: number | undefined
  /** Requests of one identity that are answered at once; one more gets 429. @defaultValue no limit */
  readonly maxRequestsPerIdentity?: number | undefined
  /** Receives what led to 500, 503 and 507, but for the limits above. @defaultValue `console.error` */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Timers and chance, for tests and simulations. @defaultValue the host's */
  readonly runtime?: Runtime | undefined
}

const publishHandlerOptionNames: OptionNames<PublishHandlerOptions> = {
  authorize: true,
  topic: true,
  maxBodyBytes: true,
  maxEvents: true,
  bodyTimeoutMs: true,
  maxRequests: true,
  maxRequestsPerIdentity: true,
  onError: true,
  runtime: true,
}

/**
 * Publishing over HTTP, for programs in any language: a web handler for `POST`.
 *
 *     POST /publish?topic=orders.42 HTTP/1.1
 *     Content-Type: application/json
 *     Idempotency-Key: "payment-7"
 *
 *     {"event": "paid", "data": {"total": 12}}
 *
 * The content is one event as JSON, an array of events, or an event stream (`text/event-stream`). Several are stored all or none.
 * With `Idempotency-Key`, or the fields `Producer-Id`, `Producer-Epoch` and `Producer-Seq` of Durable Streams, they are stored
 * once, however often the request is sent.
 *
 * - 201 with `{ "id", "stored": true }`, of several `{ "ids", "stored": true }`
 * - 200 for a repeat, with the first ids and `"stored": false`
 * - 400 for what cannot be read or published
 * - 401, or what else `authorize` answers; 403 for a topic that it does not grant, for an identity that `hub.forbid` keeps out,
 *   and for a producer that another has taken over
 * - 405 for another method, 408, 413, 415
 * - 409 for a producer that skips events, with the number that is expected
 * - 410 for a topic that has ended, 507 for one that holds as much as it may
 * - 429 and 503 with `Retry-After`
 *
 * Errors are problem details (RFC 9457) with the error's `code`.
 *
 * @throws {@link OptionError} `code: 'invalid-option'`
 * @example
 * ```ts
 * import { createHub, createPublishHandler } from '@sse-toolkit/sse-server'
 *
 * const hub = createHub()
 * const publish = createPublishHandler(hub, {
 *   authorize: (request) =>
 *     request.headers.get('authorization') === 'Bearer secret'
 *       ? { topics: ['orders.*'] }
 *       : new Response(null, { status: 401 }),
 * })
 * const response = await publish(
 *   new Request('http://localhost/publish?topic=orders.42', {
 *     method: 'POST',
 *     headers: { authorization: 'Bearer secret', 'content-type': 'application/json' },
 *     body: '{"event":"paid","data":{"total":12}}',
 *   }),
 * )
 * response.status // 201
 * await hub.close()
 * ```
 */
export function createPublishHandler(
  hub: PublishingHub,
  options: PublishHandlerOptions,
): (request: Request) => Promise<Response> {
  const handler = new PublishHandler(hub, options)
  return (request) => handler.handle(request)
}

/** What the handler needs of a hub. */
type PublishingHub = Pick<Hub, 'publish' | 'publishBatch'> & Partial<Pick<Hub, 'isForbidden'>>

class PublishHandler {
  readonly #hub: PublishingHub
  readonly #authorize: Authorize
  readonly #topic: (request: Request) => string
  readonly #maxBodyBytes: number
  readonly #maxEvents: number
  readonly #bodyTimeoutMs: number
  readonly #maxRequests: number
  readonly #maxRequestsPerIdentity: number
  readonly #onError: (error: unknown) => void
  readonly #runtime: Runtime
  readonly #requestsOf = new Map<string, number>()
  #requests = 0

  constructor(hub: PublishingHub, options: PublishHandlerOptions) {
    checkOptionNames(options, publishHandlerOptionNames)
    const { authorize, maxEvents, onError } = options
    if (typeof (hub as Partial<Hub> | null)?.publishBatch !== 'function')
      throw new OptionError('hub', hub, 'a hub')
    if (typeof authorize !== 'function')
      throw new OptionError('authorize', authorize, 'a function. To let everybody publish: () => ({})')
    this.#hub = hub
    this.#authorize = authorize
    this.#topic = functionOption('topic', options.topic) ?? topicParameter
    this.#maxBodyBytes = limitOption('maxBodyBytes', options.maxBodyBytes, 1_048_576)
    this.#maxEvents = limitOption('maxEvents', maxEvents, maxBatchEvents)
    if (this.#maxEvents > maxBatchEvents)
      throw new OptionError('maxEvents', maxEvents, `at most ${maxBatchEvents}`)
    this.#bodyTimeoutMs = durationOption('bodyTimeoutMs', options.bodyTimeoutMs, 30_000)
    this.#maxRequests = limitOption('maxRequests', options.maxRequests, 1000)
    const none = Number.POSITIVE_INFINITY
    this.#maxRequestsPerIdentity = limitOption('maxRequestsPerIdentity', options.maxRequestsPerIdentity, none)
    // oxlint-disable-next-line no-console -- the last resort
    this.#onError = functionOption('onError', onError) ?? console.error
    this.#runtime = options.runtime ?? systemRuntime
  }

  async handle(request: Request): Promise<Response> {
    checkRequest(request)
    if (request.method !== 'POST') {
      const detail = 'Events are published by POST.'
      return this.#refuse(new Refusal({ status: 405, code: 'method', detail, headers: { allow: 'POST' } }))
    }
    if (this.#requests >= this.#maxRequests) {
      const detail = `${this.#maxRequests} requests are being answered (maxRequests).`
      return this.#refuse(new Refusal({ status: 503, code: 'too-many-requests', detail }))
    }
    this.#requests += 1
    try {
      const answer = await this.#authorized(request)
      return 'refusal' in answer ? answer.refusal : await this.#publishAs(answer.access, request)
    } catch (error) {
      return this.#refuse(error)
    } finally {
      this.#requests -= 1
    }
  }

  /** What the request may publish to. A failure of `authorize` is reported, and nothing else. */
  async #authorized(request: Request): Promise<ReturnType<typeof parseAuthorization>> {
    try {
      return parseAuthorization(await this.#authorize(request), Number.POSITIVE_INFINITY)
    } catch (error) {
      this.#report(error)
      const detail = 'The request could not be authorized.'
      throw new Refusal({ status: 500, code: 'authorize-failed', detail })
    }
  }

  async #publishAs(access: Access, request: Request): Promise<Response> {
    const { identity } = access
    if (identity === undefined) return this.#publish(access, request)
    const count = this.#requestsOf.get(identity) ?? 0
    if (count >= this.#maxRequestsPerIdentity) {
      const detail = `${count} requests of this identity are being answered (maxRequestsPerIdentity).`
      throw new Refusal({ status: 429, code: 'too-many-requests', detail })
    }
    this.#requestsOf.set(identity, count + 1)
    try {
      return await this.#publish(access, request)
    } finally {
      const left = (this.#requestsOf.get(identity) ?? 1) - 1
      if (left === 0) this.#requestsOf.delete(identity)
      else this.#requestsOf.set(identity, left)
    }
  }

  async #publish(access: Access, request: Request): Promise<Response> {
    const topic = this.#topicOf(request)
    await this.#checkAccess(access, topic)
    const options = producerFields(request.headers, access.identity)
    const type = publishedTypeOf(request.headers)
    const text = await readContent(request, {
      maxBodyBytes: this.#maxBodyBytes,
      bodyTimeoutMs: this.#bodyTimeoutMs,
      runtime: this.#runtime,
    })
    // The identity may have been banned, or its grant may have expired, while the content arrived.
    await this.#checkAccess(access, topic)
    const { events, isBatch } = parsePublished(type, text)
    const [first] = events
    if (events.length > this.#maxEvents || first === undefined) {
      const detail = `The request has ${events.length} events, over the ${this.#maxEvents} of maxEvents.`
      throw new Refusal({ status: 413, code: 'too-many-events', detail })
    }
    if (isBatch) {
      const { ids, stored } = await this.#hub.publishBatch(topic, events, options)
      return publishedResponse({ ids, stored }, request)
    }
    const { key, ...event } = first
    const { id, stored } = await this.#hub.publish(topic, event, { ...options, key })
    return publishedResponse({ id, stored }, request)
  }

  /** @throws Refusal */
  async #checkAccess(access: Access, topic: string): Promise<void> {
    const { identity, expiresAt } = access
    const isForbidden = identity !== undefined && (await this.#hub.isForbidden?.(identity)) === true
    const isGranted =
      expiresAt > this.#runtime.wallClock() && grants(access, [parseTopic(topic, topic.length)])
    if (!isForbidden && isGranted) return
    const detail = 'The request may not publish to this topic.'
    throw new Refusal({ status: 403, code: 'forbidden', detail })
  }

  #topicOf(request: Request): string {
    try {
      const topic: unknown = this.#topic(request)
      if (typeof topic === 'string') return topic
      throw new OptionError('topic', topic, 'a function that returns a string')
    } catch (error) {
      const status = statusOf(error)
      if (isClientStatus(status)) {
        throw new Refusal({ status, code: 'invalid-topic', detail: (error as Error).message })
      }
      this.#report(error)
      throw new Refusal({
        status: 500,
        code: 'topic-failed',
        detail: 'The topic of the request could not be determined.',
      })
    }
  }

  #refuse(error: unknown): Response {
    const { problem, isOurs } = problemOf(error)
    if (isOurs) this.#report(error)
    return problemResponse(problem, this.#runtime)
  }

  #report(error: unknown): void {
    // oxlint-disable-next-line no-console -- the last resort
    callListener(() => this.#onError(error), console.error)
  }
}

/** @throws {@link Refusal} */
function topicParameter(request: Request): string {
  const topics = new URL(request.url).searchParams.getAll('topic')
  const [topic] = topics
  if (topic !== undefined && topics.length === 1) return topic
  throw Object.assign(new Error('Expected the query parameter topic, once.'), { status: 400 })
}

function statusOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'status' in error ? error.status : undefined
}

/** What was stored, or had been. A producer gets its fields back, as Durable Streams has it. */
function publishedResponse(
  body: { readonly stored: boolean; readonly id?: string; readonly ids?: readonly string[] },
  request: Request,
): Response {
  const headers = new Headers({ 'cache-control': 'no-store' })
  for (const name of ['producer-epoch', 'producer-seq']) {
    const value = request.headers.get(name)
    if (value !== null) headers.set(name, value)
  }
  return Response.json(body, { status: body.stored ? 201 : 200, headers })
}
