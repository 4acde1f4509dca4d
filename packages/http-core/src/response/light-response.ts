import { inspectSymbol, printResponse, withPrinting } from './print-response.ts'
import { hasNoContent, isStatus } from './status.ts'

/**
 * A response whose content is known when it is created.
 *
 * Node's own `new Response('text')` wraps the text into a stream, and the server must read that stream back
 * asynchronously. A {@link LightResponse} keeps the content as it is, so that this package's server sends it with one
 * `writeHead` and one `end`. It becomes a native `Response` only if code uses a member that only the native one has
 * (`body`, `clone()`, `text()`, ...).
 *
 * On Node a LightResponse works as a `Response` for all JavaScript code: `instanceof`, `headers`,
 * `new Response(r.body, r)`. Hosts that need their native class (Bun, Deno, Workers) get a native response from the start.
 */
class LightResponse {
  readonly #content: string | Uint8Array<ArrayBuffer>
  readonly #contentType: string
  readonly #statusText: string
  readonly status: number
  #headers: Headers | undefined
  #native: Response | undefined

  constructor(
    content: string | Uint8Array<ArrayBuffer>,
    contentType: string,
    init: ResponseInit | undefined,
  ) {
    const status = init?.status ?? 200
    if (!isStatus(status)) throw new RangeError(`status: expected an integer from 200 to 599, got ${status}`)
    if (hasNoContent(status) || status === 205) {
      throw new TypeError(
        `A ${status} response cannot have content. Use new Response(null, { status: ${status} })`,
      )
    }
    this.#content = content
    this.#contentType = contentType
    this.status = status
    this.#statusText = init?.statusText ?? ''
    if (init?.headers !== undefined) {
      this.#headers = new Headers(init.headers)
      if (!this.#headers.has('content-type')) this.#headers.set('content-type', contentType)
    }
  }

  /** The parts that a server can send at once; undefined for any other response, or if this one has become native. */
  static parts(response: object): LightParts | undefined {
    if (!(#content in response) || response.#native !== undefined) return undefined
    return response
  }

  get content(): string | Uint8Array<ArrayBuffer> {
    return this.#content
  }

  /** The value of the only field, as long as nothing has used `headers`. */
  get onlyContentType(): string | undefined {
    return this.#headers === undefined ? this.#contentType : undefined
  }

  get statusText(): string {
    return this.#statusText
  }

  get ok(): boolean {
    return this.status <= 299
  }

  get headers(): Headers {
    return (this.#headers ??= new Headers({ 'content-type': this.#contentType }))
  }

  get type(): 'default' {
    return 'default'
  }

  get url(): string {
    return ''
  }

  get redirected(): boolean {
    return false
  }

  get body(): Response['body'] {
    return this.#asNative().body
  }

  get bodyUsed(): boolean {
    return this.#native?.bodyUsed ?? false
  }

  clone(): Response {
    return this.#asNative().clone()
  }

  arrayBuffer(): Promise<ArrayBuffer> {
    return this.#asNative().arrayBuffer()
  }

  blob(): ReturnType<Response['blob']> {
    return this.#asNative().blob()
  }

  bytes(): ReturnType<Response['bytes']> {
    return this.#asNative().bytes()
  }

  formData(): ReturnType<Response['formData']> {
    return this.#asNative().formData()
  }

  json(): Promise<unknown> {
    return this.#asNative().json()
  }

  text(): Promise<string> {
    return this.#asNative().text()
  }

  [inspectSymbol](_depth: number, _options: unknown, inspect: (value: unknown) => string): string {
    return printResponse(this, inspect)
  }

  #asNative(): Response {
    if (this.#native !== undefined) return this.#native
    const { status, statusText, headers } = this
    this.#native = new Response(this.#content, { status, statusText, headers })
    // From now on the native fields are the only ones.
    this.#headers = this.#native.headers
    return this.#native
  }
}

// Not `extends Response`: that would run the native constructor, and this class exists to avoid its cost.
Object.setPrototypeOf(LightResponse.prototype, Response.prototype)

/** The parts of a light response. */
export interface LightParts {
  readonly status: number
  readonly statusText: string
  readonly headers: Headers
  readonly content: string | Uint8Array
  readonly onlyContentType: string | undefined
}

/** The parts that a server can send at once; undefined for an ordinary response. */
export function lightPartsOf(response: object): LightParts | undefined {
  return LightResponse.parts(response)
}

/** Node's `Response` is written in JavaScript and does not check the class. WinterTC defines `navigator.userAgent`. */
const isNode = globalThis.navigator?.userAgent?.startsWith('Node.js') ?? false

function contentResponse(
  content: string | Uint8Array<ArrayBuffer>,
  contentType: string,
  init: ResponseInit | undefined,
): Response {
  if (isNode) return new LightResponse(content, contentType, init)
  const headers = new Headers(init?.headers)
  if (!headers.has('content-type')) headers.set('content-type', contentType)
  return withPrinting(new Response(content, { ...init, headers }))
}

/**
 * Creates a text response: `content-type: text/plain; charset=utf-8`, unless `init.headers` says otherwise.
 *
 * It behaves like `new Response(text, init)`, but is much cheaper on this package's server, which sends it in one write
 * with a Content-Length.
 *
 * @throws RangeError if the status is not from 200 to 599; TypeError for 204, 205 and 304, which have no content.
 * @example
 * ```ts
 * router.get('/hello/:name', (_request, { params }) => textResponse(`Hello ${params.name}!\n`))
 * ```
 */
export function textResponse(text: string, init?: ResponseInit): Response {
  return contentResponse(text, 'text/plain; charset=utf-8', init)
}

/**
 * Creates a JSON response: `content-type: application/json`, unless `init.headers` says otherwise.
 *
 * @throws TypeError if the value cannot be written as JSON (undefined, a function, a cycle, a bigint).
 * @example
 * ```ts
 * router.get('/health', () => jsonResponse({ ok: true }))
 * ```
 */
export function jsonResponse(value: unknown, init?: ResponseInit): Response {
  const text: string | undefined = JSON.stringify(value)
  if (text === undefined) throw new TypeError('The value cannot be written as JSON')
  return contentResponse(text, 'application/json', init)
}

/**
 * Creates a response of bytes: `content-type: application/octet-stream`, unless `init.headers` says otherwise. The bytes
 * are not copied, so do not change them until they have been sent.
 */
export function bytesResponse(bytes: Uint8Array<ArrayBuffer>, init?: ResponseInit): Response {
  return contentResponse(bytes, 'application/octet-stream', init)
}
