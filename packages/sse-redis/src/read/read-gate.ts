import type { Runtime } from '@sse-toolkit/sse-server'
import { LogUnavailableError } from '../errors/log-unavailable-error.ts'

export interface ReadGateOptions {
  readonly runtime: Runtime
  /** How many reads Redis may have before it at once. */
  readonly maxReads: number
  readonly commandTimeoutMs: number
}

export interface GatedRead<Answer> {
  /** For the text of an error. */
  readonly operation: string
  /** Sends it. Call `settled` when Redis is done with it, which may be after the read was given up. */
  readonly send: (timeoutMs: number, settled: () => void) => Promise<Answer>
}

interface Shared {
  readonly promise: Promise<unknown>
  readonly begin: () => void
  readonly giveUp: () => void
  /** When the last of its waiters gives up: later callers wait for longer. */
  deadline: number
}

/**
 * Lets a few reads at a time go to Redis. Equal reads are sent once, and a read whose waiters have all given up is not sent.
 *
 *     a b c a d  -> [a b]  c d          the third `a` shares the answer of the first
 *                   [b c]  d            `a` was answered
 *
 * A read that took too long keeps its place until Redis has answered it, so that what Redis has to do does not pile up.
 */
export class ReadGate {
  readonly #options: ReadGateOptions
  readonly #reads = new Map<string, Shared>()
  #waiting: Shared[] = []
  #underWay = 0

  constructor(options: ReadGateOptions) {
    this.#options = options
  }

  get underWay(): number {
    return this.#underWay
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /** @param key - the same for equal reads, which have the same answer. */
  read<Answer>(key: string, read: GatedRead<Answer>, deadline: number): Promise<Answer> {
    const known = this.#reads.get(key)
    if (known !== undefined) {
      known.deadline = Math.max(known.deadline, deadline)
      return known.promise as Promise<Answer>
    }
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const shared: Shared = {
      promise,
      deadline,
      begin: () => {
        const timeoutMs = shared.deadline - this.#options.runtime.now()
        resolve(read.send(timeoutMs, () => this.#settled()).finally(() => this.#reads.delete(key)))
      },
      giveUp: () => {
        this.#reads.delete(key)
        const fact = `Redis did not answer earlier reads within ${this.#options.commandTimeoutMs} ms.`
        reject(new LogUnavailableError('log-unavailable', read.operation, fact))
      },
    }
    this.#reads.set(key, shared)
    this.#waiting.push(shared)
    this.#sendNext()
    return promise
  }

  #settled(): void {
    this.#underWay -= 1
    this.#sendNext()
  }

  #sendNext(): void {
    const { maxReads, runtime } = this.#options
    while (this.#underWay < maxReads) {
      const next = this.#waiting.shift()
      if (next === undefined) return
      if (next.deadline <= runtime.now()) next.giveUp()
      else {
        this.#underWay += 1
        next.begin()
      }
    }
  }
}
