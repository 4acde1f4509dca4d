import { TimeoutError } from './errors/timeout-error.ts'
import type { Runtime } from './runtime.ts'

/**
 * The promise, or a {@link TimeoutError} when it takes longer.
 *
 * @param seen - Asked only when time is up: what was observed instead, for the error's text.
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
