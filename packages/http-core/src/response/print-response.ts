/** Node, Deno and Bun call this method to print an object with `console.log`. */
export const inspectSymbol: unique symbol = Symbol.for('nodejs.util.inspect.custom')

/**
 * Prints a response so that it is safe to log. The value of `Set-Cookie` is hidden, because it would let a reader act as
 * the user.
 *
 * @param inspect - The host's function to print a value.
 */
export function printResponse(
  { status, headers }: Pick<Response, 'status' | 'headers'>,
  inspect: (value: unknown) => string,
): string {
  const fields: Record<string, string> = {}
  for (const [name, value] of headers) fields[name] = name === 'set-cookie' ? '[redacted]' : value
  return `Response ${inspect({ status, headers: fields })}`
}

/** Makes a native response safe to log: `console.log` shows `Set-Cookie` as `[redacted]`. */
export function withPrinting(response: Response): Response {
  return Object.defineProperty(response, inspectSymbol, {
    value: (_depth: number, _options: unknown, inspect: (value: unknown) => string) =>
      printResponse(response, inspect),
    configurable: true,
  })
}
