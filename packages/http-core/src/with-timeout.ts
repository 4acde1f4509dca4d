import { checkRequired } from './options/check-options.ts'
import { OptionError } from './errors/option-error.ts'
import { TimeoutError } from './errors/timeout-error.ts'
import { systemRuntime } from './runtime.ts'
import type { Runtime } from './runtime.ts'

/** setTimeout counts in 32 bits: a longer timeout would fire at once. */
const maxTimeoutMs = 2 ** 31 - 1

/**
 * Runs a task with a time limit.
 *
 * When the time is over, `signal` aborts and the promise rejects, whether or not the task listens to the signal. If the
 * task finishes earlier, the timer is cleared.
 *
 * @param timeoutMs - Milliseconds: a positive number up to 2^31 - 1.
 * @throws {@link TimeoutError} `code: 'timeout'` if the time is over. The same error is the reason of the signal.
 * @throws {@link OptionError} if `timeoutMs` is out of range, or the task is not a function.
 * @example
 * ```ts
 * const answer = await withTimeout(2_000, (signal) => fetch(upstream, { signal }))
 * ```
 */
export async function withTimeout<T>(
  timeoutMs: number,
  task: (signal: AbortSignal) => Promise<T>,
  runtime: Pick<Runtime, 'setTimeout' | 'clearTimeout'> = systemRuntime,
): Promise<T> {
  if (!(timeoutMs > 0 && timeoutMs <= maxTimeoutMs)) {
    throw new OptionError('timeoutMs', timeoutMs, 'a positive number of milliseconds up to 2^31 - 1')
  }
  checkRequired('task', task)
  const controller = new AbortController()
  let timer: unknown
  const late = new Promise<never>((_resolve, reject) => {
    timer = runtime.setTimeout(() => {
      const error = new TimeoutError(timeoutMs)
      controller.abort(error)
      reject(error)
    }, timeoutMs)
  })
  try {
    return await Promise.race([task(controller.signal), late])
  } finally {
    runtime.clearTimeout(timer)
  }
}
