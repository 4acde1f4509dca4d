import type { Runtime } from '@sse-toolkit/sse-server'

export interface GatheredQuestionOptions<Item, Answer> {
  /** One answer for each item. */
  readonly ask: (items: readonly Item[], timeoutMs: number) => Promise<readonly Answer[]>
  readonly timeoutMs: number
  readonly runtime: Runtime
}

/**
 * A question that many have at the same time, asked once for all.
 *
 *     a, b       -> ask [a b] --------->
 *     c, d, e       (wait)    <---------
 *                -> ask [c d e] ------->
 *
 * Nobody is answered with what was asked before they came: where the head is, now. When a process' clients all come back
 * together, there are as many questions as answers fit into that time, and not as many as clients.
 */
export class GatheredQuestion<Item, Answer> {
  readonly #options: GatheredQuestionOptions<Item, Answer>
  #items: Item[] = []
  #next: Promise<readonly Answer[]> | null = null
  #underWay: Promise<unknown> = Promise.resolve()

  constructor(options: GatheredQuestionOptions<Item, Answer>) {
    this.#options = options
  }

  async ask(item: Item): Promise<Answer> {
    const index = this.#items.push(item) - 1
    this.#next ??= this.#askWhenAnswered()
    const answers = await this.#next
    return answers[index] as Answer
  }

  async #askWhenAnswered(): Promise<readonly Answer[]> {
    const { ask, timeoutMs, runtime } = this.#options
    const deadline = runtime.now() + timeoutMs
    await this.#underWay
    const items = this.#items
    this.#items = []
    this.#next = null
    const answers = ask(items, deadline - runtime.now())
    // Its failure is for those who asked.
    this.#underWay = answers.catch(() => undefined)
    return answers
  }
}
