import { inspect } from 'node:util'

export type InspectOptions = Parameters<typeof inspect>[1]

/** Fields that would let a reader of a log act as the user. */
export const secretFields: readonly string[] = [
  'authorization',
  'cookie',
  'proxy-authorization',
  'set-cookie',
]

/** Prints header fields so that they are safe to log: the values of secret fields are hidden. */
export function inspectHeaders(
  headers: Headers,
  secrets: ReadonlySet<string>,
  options: InspectOptions,
): string {
  const fields: Record<string, string> = {}
  for (const [name, value] of headers) fields[name] = secrets.has(name) ? '[redacted]' : value
  return `Headers ${inspect(fields, options)}`
}

/** Prints a request so that it is safe to log. The whole URL is shown, since secrets do not belong in a URL. */
export function inspectRequest(request: Request, options: InspectOptions): string {
  const { method, url, headers } = request
  return `Request ${inspect({ method, url, headers }, options)}`
}

/** Makes native header fields safe to log. Node itself would show all values. */
export function redactNativeHeaders(headers: Headers, secrets: ReadonlySet<string>): void {
  Object.defineProperty(headers, inspect.custom, {
    value: (_depth: number, options: InspectOptions) => inspectHeaders(headers, secrets, options),
  })
}
