import type { Runtime } from '@sse-toolkit/sse-server'

/** What {@link Deadlines.within} resolves with when the time is over. */
export const late: unique symbol = Symbol('late')

/** The waits of one owner. Each has a deadline, and the owner can end all of them at once, so no timer is left behind. */
export class Deadlines {
  readonly #runtime: Runtime
  readonly #waits = new Set<(reason: Error) => void>()
  #reason: Error | null = null

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /**
   * Settles as the promise does, or resolves with {@link late}. What the promise does later is ignored.
   *
   * Rejects with the reason of {@link cancel}.
   */
  within<T>(promise: Promise<T>, timeoutMs: number): Promise<T | typeof late> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.#runtime.clearTimeout(timer)
        this.#waits.delete(cancel)
      }
      const cancel = (reason: Error): void => {
        end()
        reject(reason)
      }
      const settle = (): void => {
        end()
        resolve(promise)
      }
      const timer = this.#runtime.setTimeout(
        () => {
          end()
          resolve(late)
        },
        Math.max(0, timeoutMs),
      )
      this.#waits.add(cancel)
      promise.then(settle, settle)
      if (this.#reason !== null) cancel(this.#reason)
    })
  }

  /** Rejects all waits, and all that come later. */
  cancel(reason: Error): void {
    this.#reason = reason
    for (const cancel of this.#waits) cancel(reason)
  }
}
