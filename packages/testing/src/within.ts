import { TimeoutError } from './errors/timeout-error.ts'
import type { Runtime } from './runtime.ts'

/**
 * Below the 5 s that test runners give a test, so that the error which says what was waited for comes first.
 */
export const defaultTimeoutMs = 4_000

/**
 * The promise, or a {@link TimeoutError} when it takes longer.
 *
 * @param seen - Called only when time is up: what happened instead, for the error's text.
 */
export async function within<T>(
  promise: Promise<T>,
  options: { what: string; timeoutMs: number; runtime: Runtime; seen?: () => string },
): Promise<T> {
  const { what, timeoutMs, runtime, seen } = options
  let timer: unknown
  const deadline = new Promise<never>((_, reject) => {
    timer = runtime.setTimeout(() => reject(new TimeoutError(what, timeoutMs, seen?.())), timeoutMs)
  })
  try {
    return await Promise.race([promise, deadline])
  } finally {
    runtime.clearTimeout(timer)
  }
}
