/** Whether it can be waited for: a promise of any realm, or an object with a `then` of its own, as query builders are. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  )
}

/**
 * Takes what a function of the user's has returned that is asked nothing. It may be asynchronous, whatever its type says,
 * and a rejection that nobody takes ends the process.
 *
 * @param failed - must not throw.
 * @returns a promise that never rejects; undefined if there is nothing to wait for.
 */
export function settled(outcome: unknown, failed: (error: unknown) => void): Promise<void> | undefined {
  return isThenable(outcome) ? Promise.resolve(outcome).then(ignore, failed) : undefined
}

function ignore(): void {}

/** Calls such a function; what it throws goes to `failed` too. */
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
