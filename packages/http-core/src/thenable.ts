/** Whether the value can be awaited: a promise of any realm, or another object with a `then`, such as a query builder. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  )
}

/**
 * Handles the return value of a callback whose result is not used. The callback may return a promise, even if its type
 * says otherwise, and an unhandled rejection would end the process.
 *
 * @param failed - Receives the rejection. It must not throw.
 * @returns a promise that never rejects; undefined if there is nothing to wait for.
 */
export function settled(outcome: unknown, failed: (error: unknown) => void): Promise<void> | undefined {
  return isThenable(outcome) ? Promise.resolve(outcome).then(ignore, failed) : undefined
}

function ignore(): void {}

/** Calls a callback whose result is not used. `failed` receives the error if the callback throws or rejects. */
export function callListener(
  listen: () => unknown,
  failed: (error: unknown) => void,
): Promise<void> | undefined {
  try {
    return settled(listen(), failed)
  } catch (error) {
    failed(error)
    return undefined
  }
}
