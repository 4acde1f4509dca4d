/** The property of a handler with a separate limit for the content of its requests, in bytes, as uploads have. */
export const bodyLimitSymbol: unique symbol = Symbol.for('sse-toolkit.bodyLimit')

/** The limit of a handler, if it has one. */
export function bodyLimitOf(handler: object): number | undefined {
  return (handler as { readonly [bodyLimitSymbol]?: number })[bodyLimitSymbol]
}
