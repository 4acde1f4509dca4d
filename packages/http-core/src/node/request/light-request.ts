import { inspect } from 'node:util'
import { changeRequestSymbol } from '../../request/change-request.ts'
import type { RequestChange } from '../../request/change-request.ts'
import { adoptHeaders, appendFields, lightHeaders } from './light-headers.ts'
import { inspectRequest, redactNativeHeaders } from './redact.ts'
import type { InspectOptions } from './redact.ts'
import type { RequestBody } from './request-body.ts'
import { servedRequestSymbol } from './served-request.ts'
import type { ServedRequest } from './served-request.ts'
import type { WireRequest } from '../message/wire.ts'

/** The source that a request reads from. */
export interface RequestSource extends ServedRequest {
  readonly message: WireRequest
  readonly method: string
  readonly url: string
  /** Undefined if the request has no content, and for GET and HEAD, for which Fetch allows no content. */
  readonly body: RequestBody | undefined
  readonly signal: AbortSignal
  /** Fields whose values are hidden when the request is printed, in lower case. */
  readonly secretFields: ReadonlySet<string>
}

/**
 * A `Request` that reads from Node's message: the method, the URL, the fields, and the whole content as text, JSON or bytes.
 * It creates a native request only for members that need one: the body as a stream, `clone()`, `blob()` and `formData()`.
 * From then on it forwards to the native request.
 *
 * A light request has the prototype of `Request`, but not its private fields, which only the native constructor can create.
 * So `new Request(light)` throws, while `new Request(light.url, light)` works.
 */
class LightRequest {
  readonly #source: RequestSource
  #headers: Headers | undefined
  #native: Request | undefined
  #isUsed = false

  constructor(source: RequestSource, headers?: Headers) {
    this.#source = source
    this.#headers = headers
  }

  get method(): string {
    return this.#source.method
  }

  get url(): string {
    return this.#source.url
  }

  get headers(): Headers {
    return (this.#headers ??= lightHeaders(this.#source.message, this.#source.secretFields))
  }

  get signal(): AbortSignal {
    return this.#source.signal
  }

  get body(): Request['body'] {
    return this.#source.body === undefined ? null : this.#asNative().body
  }

  get bodyUsed(): boolean {
    return this.#isUsed || (this.#native?.bodyUsed ?? false)
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return this.#native === undefined ? (await this.#collect()).buffer : this.#native.arrayBuffer()
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#native === undefined ? this.#collect() : new Uint8Array(await this.#native.arrayBuffer())
  }

  async text(): Promise<string> {
    return this.#native === undefined ? this.#collectText() : this.#native.text()
  }

  async json(): Promise<unknown> {
    return this.#native === undefined
      ? parseJson(await this.#collectText())
      : clientsFault(this.#native, (native) => native.json())
  }

  async blob(): ReturnType<Request['blob']> {
    return this.#asNative().blob()
  }

  async formData(): ReturnType<Request['formData']> {
    return clientsFault(this.#asNative(), (native) => native.formData())
  }

  clone(): Request {
    return this.#asNative().clone()
  }

  // These have constant values in a server's request. https://fetch.spec.whatwg.org/#request-class
  get destination(): '' {
    return ''
  }

  get referrer(): string {
    return 'about:client'
  }

  get referrerPolicy(): '' {
    return ''
  }

  get mode(): 'cors' {
    return 'cors'
  }

  get credentials(): 'same-origin' {
    return 'same-origin'
  }

  get cache(): 'default' {
    return 'default'
  }

  get redirect(): 'follow' {
    return 'follow'
  }

  get integrity(): string {
    return ''
  }

  get keepalive(): boolean {
    return false
  }

  get isReloadNavigation(): boolean {
    return false
  }

  get isHistoryNavigation(): boolean {
    return false
  }

  get duplex(): 'half' {
    return 'half'
  }

  get [servedRequestSymbol](): ServedRequest {
    return this.#source
  }

  [changeRequestSymbol](change: RequestChange): Request {
    const source = new ChangedSource(this.#source, change)
    const { headers = this.headers } = change
    const isUnread = this.#native === undefined && !this.#isUsed
    if (change.body === undefined && isUnread) return new LightRequest(source, headers)
    return changedNative(source, headers, change.body ?? this.body)
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    return inspectRequest(this, options)
  }

  #collect(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#use()?.collect() ?? Promise.resolve(new Uint8Array(0))
  }

  #collectText(): Promise<string> {
    return this.#use()?.text() ?? Promise.resolve('')
  }

  /** Returns the body for reading, which is possible only once. */
  #use(): RequestBody | undefined {
    if (this.#isUsed) throw new TypeError('The body of the request has already been read')
    const { body } = this.#source
    this.#isUsed = body !== undefined
    return body
  }

  #asNative(): Request {
    if (this.#native !== undefined) return this.#native
    this.#native = makeNative(this.#source, this.headers, this.#isUsed)
    adoptHeaders(this.headers, this.#native.headers)
    return this.#native
  }
}

// Not `extends Request`: that would run the native constructor, and this class exists to avoid its cost.
Object.setPrototypeOf(LightRequest.prototype, Request.prototype)

function makeNative(source: RequestSource, headers: Headers, isUsed: boolean): Request {
  const { method, url, signal, body } = source
  if (body === undefined) return new Request(url, { method, headers, signal })
  if (!isUsed) return new Request(url, { method, headers, signal, body: body.stream(), duplex: 'half' })
  // A request whose body has been read still has a body, which is used up.
  const request = new Request(url, { method, headers, signal, body: '' })
  void request.body?.cancel()
  return request
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw withStatus(error)
  }
}

/** Reads form content. A fault in the content gets status 400, but not the program's fault of reading it twice. */
async function clientsFault<T>(request: Request, read: (request: Request) => Promise<T>): Promise<T> {
  if (request.bodyUsed) return read(request)
  try {
    return await read(request)
  } catch (error) {
    throw error instanceof SyntaxError || error instanceof TypeError ? withStatus(error) : error
  }
}

/** Gives the error that Fetch specifies the status 400, which the client gets if nothing catches the error. */
function withStatus(error: unknown): unknown {
  return error instanceof Error ? Object.assign(error, { status: 400 }) : error
}

/** See {@link LightRequest}. */
export function lightRequest(source: RequestSource): Request {
  return new LightRequest(source)
}

/** A native request that hides secret fields when it is printed, and that leads to the server's side of the request. */
class NativeRequest extends Request {
  readonly #source: RequestSource

  constructor(source: RequestSource, init: RequestInit) {
    super(source.url, init)
    this.#source = source
  }

  get [servedRequestSymbol](): ServedRequest {
    return this.#source
  }

  [changeRequestSymbol](change: RequestChange): Request {
    const { headers = this.headers } = change
    return changedNative(new ChangedSource(this.#source, change), headers, change.body ?? this.body)
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    return inspectRequest(this, options)
  }
}

/** The source of a request that replaces another one. Both belong to the same exchange. */
class ChangedSource implements RequestSource {
  readonly message: WireRequest
  readonly method: string
  readonly url: string
  readonly secretFields: ReadonlySet<string>
  readonly #source: RequestSource

  constructor(source: RequestSource, { method = source.method, url = source.url }: RequestChange) {
    this.message = source.message
    this.method = method
    this.url = url
    this.secretFields = source.secretFields
    this.#source = source
  }

  get body(): RequestBody | undefined {
    return this.method === 'GET' || this.method === 'HEAD' ? undefined : this.#source.body
  }

  get signal(): AbortSignal {
    return this.#source.signal
  }

  onEnd(listener: () => void): void {
    this.#source.onEnd(listener)
  }

  failed(error: unknown): void {
    this.#source.failed(error)
  }
}

function changedNative(source: RequestSource, headers: Headers, body: Request['body']): Request {
  const { method, signal } = source
  const content = method === 'GET' || method === 'HEAD' ? null : (body as ReadableStream<Uint8Array> | null)
  const request = new NativeRequest(
    source,
    content === null
      ? { method, signal, headers }
      : { method, signal, headers, body: content, duplex: 'half' },
  )
  redactNativeHeaders(request.headers, source.secretFields)
  nativeRequests.set(signal, request)
  return request
}

// Not methods of the class: the types declare these as properties, which methods cannot override.
Object.defineProperties(NativeRequest.prototype, {
  json: {
    value(this: Request): Promise<unknown> {
      return clientsFault(this, (request) => Request.prototype.json.call(request))
    },
  },
  formData: {
    value(this: Request): ReturnType<Request['formData']> {
      return clientsFault(this, (request) => Request.prototype.formData.call(request))
    },
  },
})

/**
 * Keeps a native request alive as long as its exchange, which holds the signal. The platform forwards the abort to
 * `request.signal` through a weak reference, so a handler that kept only `request.signal` would never see the abort.
 */
const nativeRequests = new WeakMap<AbortSignal, Request>()

/** Creates a native request for the same message. */
export function nativeRequest(source: RequestSource): Request {
  const { method, signal, body, message } = source
  const init: RequestInit =
    body === undefined ? { method, signal } : { method, signal, body: body.stream(), duplex: 'half' }
  const request = new NativeRequest(source, init)
  appendFields(request.headers, message)
  redactNativeHeaders(request.headers, source.secretFields)
  nativeRequests.set(signal, request)
  return request
}
