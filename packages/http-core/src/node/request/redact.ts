import { inspect } from 'node:util'

export type InspectOptions = Parameters<typeof inspect>[1]

/** Fields that would let a reader of a log act for the user. */
export const secretFields: readonly string[] = [
  'authorization',
  'cookie',
  'proxy-authorization',
  'set-cookie',
]

/** Header fields as they may stand in a log: secrets show only that they are there. */
export function inspectHeaders(
  headers: Headers,
  secrets: ReadonlySet<string>,
  options: InspectOptions,
): string {
  const fields: Record<string, string> = {}
  for (const [name, value] of headers) fields[name] = secrets.has(name) ? '[redacted]' : value
  return `Headers ${inspect(fields, options)}`
}

/** A request as it may stand in a log. The URL is shown whole: secrets do not belong there. */
export function inspectRequest(request: Request, options: InspectOptions): string {
  const { method, url, headers } = request
  return `Request ${inspect({ method, url, headers }, options)}`
}

/** Makes native fields print themselves so: Node's own form shows every field as it is. */
export function redactNativeHeaders(headers: Headers, secrets: ReadonlySet<string>): void {
  Object.defineProperty(headers, inspect.custom, {
    value: (_depth: number, options: InspectOptions) => inspectHeaders(headers, secrets, options),
  })
}
