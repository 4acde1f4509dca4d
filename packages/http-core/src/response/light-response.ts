import { inspectSymbol, printResponse, withPrinting } from './print-response.ts'
import { hasNoContent, isStatus } from './status.ts'

/**
 * Responses whose content is known when they are made.
 *
 * Node's own `new Response('text')` wraps the text into a stream, and the sender must read that stream back
 * asynchronously. A {@link LightResponse} keeps the content as it is and becomes a native `Response` only when somebody
 * asks for what only that one has (`body`, `clone()`, `text()`, ...), so that our server sends it with one
 * `writeHead` and one `end`.
 *
 * On Node this is a `Response` to everything written in JavaScript: `instanceof`, `headers`, `new Response(r.body, r)`.
 * The hosts that insist on their native class (Bun, Deno, Workers) get a native one from the start.
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
    if (!isStatus(status)) throw new RangeError(`A response has a status from 200 to 599, not ${status}`)
    if (hasNoContent(status) || status === 205) {
      throw new TypeError(`A response of status ${status} has no content: use new Response(null, { status })`)
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

  /** What a server can send at once; undefined for any other response, and for one that has become native. */
  static parts(response: object): LightParts | undefined {
    if (!(#content in response) || response.#native !== undefined) return undefined
    return response
  }

  get content(): string | Uint8Array<ArrayBuffer> {
    return this.#content
  }

  /** The only field, as long as `headers` was not asked for. */
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
    // Code that holds `headers` already keeps the right ones.
    this.#headers = this.#native.headers
    return this.#native
  }
}

// Not `extends Response`: that would run the native constructor, whose cost is what this class is here to avoid.
Object.setPrototypeOf(LightResponse.prototype, Response.prototype)

/** What is known of a light response. */
export interface LightParts {
  readonly status: number
  readonly statusText: string
  readonly headers: Headers
  readonly content: string | Uint8Array
  readonly onlyContentType: string | undefined
}

/** What a server can send at once; undefined for an ordinary response. */
export function lightPartsOf(response: object): LightParts | undefined {
  return LightResponse.parts(response)
}

/** Node's Response is written in JavaScript and its brand is not checked there. `navigator.userAgent` is WinterTC's. */
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
 * A response of text: `content-type: text/plain; charset=utf-8`, unless `init.headers` says otherwise.
 *
 * Same as `new Response(text, init)`, and much cheaper on our server: it leaves as one write with a Content-Length.
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
 * A response of JSON: `content-type: application/json`, unless `init.headers` says otherwise.
 *
 * @throws TypeError if the value has no JSON (undefined, a function, a cycle, a bigint).
 * @example
 * ```ts
 * router.get('/health', () => jsonResponse({ ok: true }))
 * ```
 */
export function jsonResponse(value: unknown, init?: ResponseInit): Response {
  const text: string | undefined = JSON.stringify(value)
  if (text === undefined) throw new TypeError('The value has no JSON form')
  return contentResponse(text, 'application/json', init)
}

/**
 * A response of bytes: `content-type: application/octet-stream`, unless `init.headers` says otherwise. The bytes are
 * not copied: they must not change until they have been sent.
 */
export function bytesResponse(bytes: Uint8Array<ArrayBuffer>, init?: ResponseInit): Response {
  return contentResponse(bytes, 'application/octet-stream', init)
}
