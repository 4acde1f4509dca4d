import type { Runtime } from '@sse-toolkit/sse-server'

export interface RequestBatchOptions<Item, Answer> {
  /** Resolves with one answer for each item. */
  readonly send: (items: readonly Item[], timeoutMs: number) => Promise<readonly Answer[]>
  /** The time from a request until its answer. */
  readonly timeoutMs: number
  readonly runtime: Runtime
}

/**
 * Sends requests that overlap as one.
 *
 *     a, b       -> send [a b] --------->
 *     c, d, e       (wait)    <---------
 *                -> send [c d e] ------->
 *
 * A request is never answered with what was asked before it was made: a caller of `head` gets the head of now. When all
 * clients of a process come back together, the number of calls is bounded by how long Redis takes to answer one, and not
 * by the number of clients.
 */
export class RequestBatch<Item, Answer> {
  readonly #options: RequestBatchOptions<Item, Answer>
  #items: Item[] = []
  #next: Promise<readonly Answer[]> | null = null
  // Settles when the batch that was sent last is answered, and never rejects.
  #sent: Promise<unknown> = Promise.resolve()

  constructor(options: RequestBatchOptions<Item, Answer>) {
    this.#options = options
  }

  async request(item: Item): Promise<Answer> {
    const index = this.#items.push(item) - 1
    this.#next ??= this.#sendNext()
    const answers = await this.#next
    return answers[index] as Answer
  }

  async #sendNext(): Promise<readonly Answer[]> {
    const { send, timeoutMs, runtime } = this.#options
    const deadline = runtime.now() + timeoutMs
    await this.#sent
    const items = this.#items
    this.#items = []
    this.#next = null
    const answers = send(items, deadline - runtime.now())
    // If it fails, only the requests of this batch fail.
    this.#sent = answers.catch(() => undefined)
    return answers
  }
}
