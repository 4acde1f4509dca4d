import { HubClosedError, type Runtime } from '@sse-toolkit/sse-server'
import { LogUnavailableError } from './errors/log-unavailable-error.ts'

/** Whether the log can be used: not yet, yes, or never. Who asks before waits, for a bounded time. */
export class Readiness {
  readonly #runtime: Runtime
  readonly #timeoutMs: number
  readonly #ready = Promise.withResolvers<void>()
  #isReady = false
  #isClosed = false
  #failure: unknown = undefined

  constructor(runtime: Runtime, timeoutMs: number) {
    this.#runtime = runtime
    this.#timeoutMs = timeoutMs
    // Who waits for it hears of it.
    this.#ready.promise.catch(() => undefined)
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** It may still come: this is told to those who wait too long. */
  failed(error: unknown): void {
    this.#failure = error
  }

  neverWill(error: unknown): void {
    this.#ready.reject(error)
  }

  is(): void {
    this.#isReady = true
    this.#ready.resolve()
  }

  close(): void {
    this.#isClosed = true
  }

  /** Those who wait wait no longer. */
  abandon(): void {
    this.#ready.reject(new HubClosedError())
  }

  /** @throws {@link LogUnavailableError}, `HubClosedError`, or why it never will be. */
  async wait(operation: string): Promise<void> {
    if (this.#isClosed) throw new HubClosedError()
    if (this.#isReady) return
    let timer: unknown
    const late = new Promise<never>((_resolve, reject) => {
      timer = this.#runtime.setTimeout(() => {
        const fact = `Redis was not reached within ${this.#timeoutMs} ms`
        reject(new LogUnavailableError('log-unavailable', operation, fact, { cause: this.#failure }))
      }, this.#timeoutMs)
    })
    try {
      await Promise.race([this.#ready.promise, late])
    } finally {
      this.#runtime.clearTimeout(timer)
    }
  }
}
