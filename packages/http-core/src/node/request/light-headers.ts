import { inspect } from 'node:util'
import { inspectHeaders } from './redact.ts'
import type { InspectOptions } from './redact.ts'
import type { WireRequest } from '../message/wire.ts'

/** Names that the `get` and `has` of native Headers accept (RFC 9110 section 5.6.2). */
const fieldName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/**
 * The fields of a request, read from Node's message on demand. They become native `Headers` when code iterates over them or
 * changes them.
 *
 * `get` can read Node's own headers object, because the server joins duplicates as `Headers` does
 * (`joinDuplicateHeaders`). That object is a plain object, so `constructor` and `__proto__` only count as fields if their
 * value is a string.
 */
class LightHeaders {
  readonly #message: WireRequest
  readonly #secrets: ReadonlySet<string>
  #native: Headers | undefined

  constructor(message: WireRequest, secrets: ReadonlySet<string>) {
    this.#message = message
    this.#secrets = secrets
  }

  static adopt(headers: Headers, native: Headers): void {
    if (#message in headers) headers.#native = native
  }

  get(name: string): string | null {
    if (this.#native !== undefined) return this.#native.get(name)
    const value = this.#message.headers[name.toLowerCase()]
    if (typeof value === 'string') return value
    return value === undefined && fieldName.test(name) ? null : this.#asNative().get(name)
  }

  has(name: string): boolean {
    if (this.#native !== undefined) return this.#native.has(name)
    const value = this.#message.headers[name.toLowerCase()]
    if (typeof value === 'string') return true
    return value === undefined && fieldName.test(name) ? false : this.#asNative().has(name)
  }

  set(name: string, value: string): void {
    this.#asNative().set(name, value)
  }

  append(name: string, value: string): void {
    this.#asNative().append(name, value)
  }

  delete(name: string): void {
    this.#asNative().delete(name)
  }

  forEach(...args: Parameters<Headers['forEach']>): void {
    this.#asNative().forEach(...args)
  }

  getSetCookie(): string[] {
    return this.#asNative().getSetCookie()
  }

  entries(): ReturnType<Headers['entries']> {
    return this.#asNative().entries()
  }

  keys(): ReturnType<Headers['keys']> {
    return this.#asNative().keys()
  }

  values(): ReturnType<Headers['values']> {
    return this.#asNative().values()
  }

  [Symbol.iterator](): ReturnType<Headers['entries']> {
    return this.#asNative().entries()
  }

  [inspect.custom](_depth: number, options: InspectOptions): string {
    return inspectHeaders(this.#asNative(), this.#secrets, options)
  }

  #asNative(): Headers {
    if (this.#native !== undefined) return this.#native
    this.#native = new Headers()
    appendFields(this.#native, this.#message)
    return this.#native
  }
}

Object.setPrototypeOf(LightHeaders.prototype, Headers.prototype)

/** Copies the fields of Node's message, each as received. */
export function appendFields(headers: Headers, message: WireRequest): void {
  const { rawHeaders } = message
  for (let index = 0; index < rawHeaders.length; index += 2) {
    headers.append(rawHeaders[index] ?? '', rawHeaders[index + 1] ?? '')
  }
}

/** See {@link LightHeaders}. */
export function lightHeaders(message: WireRequest, secrets: ReadonlySet<string>): Headers {
  return new LightHeaders(message, secrets)
}

/** From now on the light fields read from the native fields, which belong to the native request that replaced the light one. */
export function adoptHeaders(light: Headers, native: Headers): void {
  LightHeaders.adopt(light, native)
}
