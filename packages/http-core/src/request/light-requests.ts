/**
 * Marks a `fetch` function that never passes its request to a native constructor, so that this package's server may give
 * it a light request. A router's `fetch` has this mark. The symbol is registered, so that all copies of this package
 * share it.
 */
export const lightRequestsSymbol: unique symbol = Symbol.for('sse-toolkit.lightRequests')

/** Whether the function has the mark {@link lightRequestsSymbol}. */
export function takesLightRequests(fetch: object): boolean {
  return (fetch as { readonly [lightRequestsSymbol]?: boolean })[lightRequestsSymbol] === true
}
