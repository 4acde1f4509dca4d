import { HubClosedError } from '@sse-toolkit/sse-server'
import type { Runtime } from '@sse-toolkit/sse-server'
import { Deadlines, late } from '../connection/deadlines.ts'
import { LogUnavailableError } from '../errors/log-unavailable-error.ts'
import type { IncompatibleRedisError } from '../errors/incompatible-redis-error.ts'

type State =
  | { readonly kind: 'waiting' | 'ready' | 'closed' }
  | { readonly kind: 'refused'; readonly error: IncompatibleRedisError }

/**
 * Whether the log can be used. A caller that comes too early waits for a bounded time, unless Redis is incompatible.
 *
 *     waiting --> ready <--> refused        any --> closed
 *        ^---------------------'
 */
export class Readiness {
  readonly #timeoutMs: number
  readonly #deadlines: Deadlines
  #state: State = { kind: 'waiting' }
  readonly #waiters = new Set<(state: State) => void>()
  #failure: unknown = undefined

  constructor(runtime: Runtime, timeoutMs: number) {
    this.#timeoutMs = timeoutMs
    this.#deadlines = new Deadlines(runtime)
  }

  get isClosed(): boolean {
    return this.#state.kind === 'closed'
  }

  /** Redis was reached, and is compatible. From now on each command has its own deadline. */
  succeeded(): void {
    this.#become({ kind: 'ready' })
  }

  /** Redis was not reached. The error is the cause that callers get if they wait too long. */
  failed(error: unknown): void {
    this.#failure = error
    if (this.#state.kind === 'refused') this.#become({ kind: 'waiting' })
  }

  /** Redis is incompatible, and waiting would not help: every caller gets this error at once. */
  refused(error: IncompatibleRedisError): void {
    this.#become({ kind: 'refused', error })
  }

  /** Rejects all that wait. */
  close(): void {
    this.#state = { kind: 'closed' }
    this.#deadlines.cancel(new HubClosedError())
  }

  /** @throws {@link LogUnavailableError}, `HubClosedError`, or {@link IncompatibleRedisError}. */
  async wait(operation: string): Promise<void> {
    const state = this.#state.kind === 'waiting' ? await this.#untilKnown(operation) : this.#state
    if (state.kind === 'closed') throw new HubClosedError()
    if (state.kind === 'refused') throw state.error
  }

  async #untilKnown(operation: string): Promise<State> {
    const known = Promise.withResolvers<State>()
    this.#waiters.add(known.resolve)
    try {
      const state = await this.#deadlines.within(known.promise, this.#timeoutMs)
      if (state !== late) return state
    } finally {
      this.#waiters.delete(known.resolve)
    }
    const fact = `Redis was not reached within ${this.#timeoutMs} ms`
    throw new LogUnavailableError('log-unavailable', operation, fact, { cause: this.#failure })
  }

  #become(state: State): void {
    if (this.#state.kind === 'closed') return
    this.#state = state
    if (state.kind === 'waiting') return
    for (const resolve of this.#waiters) resolve(state)
  }
}
