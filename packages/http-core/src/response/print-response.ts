/** By this Node, Deno and Bun find the form in which `console.log` shows an object. */
export const inspectSymbol: unique symbol = Symbol.for('nodejs.util.inspect.custom')

/**
 * A response as it may stand in a log: `Set-Cookie` would let a reader act for the user, so the log shows only that it is there.
 *
 * @param inspect - What the host prints with.
 */
export function printResponse(
  { status, headers }: Pick<Response, 'status' | 'headers'>,
  inspect: (value: unknown) => string,
): string {
  const fields: Record<string, string> = {}
  for (const [name, value] of headers) fields[name] = name === 'set-cookie' ? '[redacted]' : value
  return `Response ${inspect({ status, headers: fields })}`
}

/** Makes a native response print itself so. */
export function withPrinting(response: Response): Response {
  return Object.defineProperty(response, inspectSymbol, {
    value: (_depth: number, _options: unknown, inspect: (value: unknown) => string) =>
      printResponse(response, inspect),
    configurable: true,
  })
}
