import { HubClosedError, type Runtime } from '@sse-toolkit/sse-server'
import { LogUnavailableError } from './errors/log-unavailable-error.ts'
import type { RedisUnfitError } from './errors/redis-unfit-error.ts'

/** Whether the log can be used. Who asks before it can waits, for a bounded time, unless it has been refused. */
export class Readiness {
  readonly #runtime: Runtime
  readonly #timeoutMs: number
  #ready = expectation()
  #isReady = false
  #isClosed = false
  #failure: unknown = undefined
  #refusal: RedisUnfitError | undefined = undefined

  constructor(runtime: Runtime, timeoutMs: number) {
    this.#runtime = runtime
    this.#timeoutMs = timeoutMs
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** It may still come: this is told to those who wait too long. */
  failed(error: unknown): void {
    this.#failure = error
    this.#refusal = undefined
  }

  /** It may still come, but waiting is of no use: this is told at once to all who ask. */
  refused(error: RedisUnfitError): void {
    this.#refusal = error
    this.#ready.reject(error)
    this.#ready = expectation()
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

  /** @throws {@link LogUnavailableError}, `HubClosedError`, or {@link RedisUnfitError}. */
  async wait(operation: string): Promise<void> {
    if (this.#isClosed) throw new HubClosedError()
    if (this.#isReady) return
    if (this.#refusal !== undefined) throw this.#refusal
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

function expectation(): PromiseWithResolvers<void> {
  const expected = Promise.withResolvers<void>()
  // Who waits for it hears of it.
  expected.promise.catch(() => undefined)
  return expected
}
