/** The property of a handler that holds a separate limit for the content of its requests, in bytes, such as uploads. */
export const bodyLimitSymbol: unique symbol = Symbol.for('sse-toolkit.bodyLimit')

/** The separate limit of a handler; undefined if it has none. */
export function bodyLimitOf(handler: object): number | undefined {
  return (handler as { readonly [bodyLimitSymbol]?: number })[bodyLimitSymbol]
}
