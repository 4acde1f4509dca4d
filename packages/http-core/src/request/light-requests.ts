/**
 * The mark of a `fetch` function that never passes its request to a native constructor itself, so that our server may
 * hand it a light one. A router's `fetch` has it. Registered, so that every copy of this package agrees.
 */
export const lightRequestsSymbol: unique symbol = Symbol.for('sse-toolkit.lightRequests')

/** Whether the function bears {@link lightRequestsSymbol}. */
export function takesLightRequests(fetch: object): boolean {
  return (fetch as { readonly [lightRequestsSymbol]?: boolean })[lightRequestsSymbol] === true
}
