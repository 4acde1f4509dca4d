/** Whether somebody can wait for it: a promise of any realm, or what takes its place. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  )
}

/**
 * Calls a user's function whose result does not matter. An error, also a rejection of an asynchronous function, goes to
 * `onError`: it does not stop other callbacks, and does not end the process.
 */
export function callListener(listen: () => unknown, onError: (error: unknown) => void): void {
  try {
    const result = listen()
    if (isThenable(result)) void result.then(undefined, onError)
  } catch (error) {
    onError(error)
  }
}

/**
 * A way to report what may go wrong in the same way with each request, or each event: the first of each kind.
 *
 * @param onError - must not throw.
 */
export function createOnceReporter(onError: (error: unknown) => void): (what: string, error: Error) => void {
  const reported = new Set<string>()
  return (what, error) => {
    if (!reported.has(what)) onError(error)
    reported.add(what)
  }
}
