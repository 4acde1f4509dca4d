/** One entry of a {@link SendQueue}. */
export interface Sending {
  /** The number of bytes in memory that wait with this entry. */
  readonly bytes: number
  /** Sends the entry at once, or piece by piece until the promise resolves. */
  send(): Promise<void> | void
  /** Called if the entry is not sent, or not completely. */
  cancel?(reason: unknown): void
}

/**
 * Keeps sends in order while the content of one of them is still being read:
 *
 *     text   Blob ...reading...   text   bytes   close
 *     sent   being sent           waiting, counted in bytes
 *
 * An entry that can be sent at once is not queued unless an earlier one is still being sent.
 */
export class SendQueue {
  readonly #failed: (error: unknown) => void
  #waiting: Sending[] = []
  #current: Sending | undefined
  #waitingBytes = 0
  #idle: PromiseWithResolvers<void> | undefined

  /** @param failed - Receives the error if a queued entry throws or rejects. The queue has been cleared then. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  /** The number of bytes that wait behind the entry that is being sent. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  get isIdle(): boolean {
    return this.#current === undefined
  }

  /** Resolves when the queue is empty, whether or not its entries were sent. */
  async idle(): Promise<void> {
    if (this.isIdle) return
    this.#idle ??= Promise.withResolvers()
    await this.#idle.promise
  }

  /** Adds an entry. If the entry is sent at once and throws, the caller gets the error. */
  add(sending: Sending): void {
    if (this.#current !== undefined) {
      this.#waiting.push(sending)
      this.#waitingBytes += sending.bytes
      return
    }
    const outcome = sending.send()
    if (outcome !== undefined) void this.#goOnAfter(sending, outcome)
  }

  /** Drops all entries, including the one that is being sent. */
  clear(reason: unknown): void {
    const unsent = this.#current === undefined ? this.#waiting : [this.#current, ...this.#waiting]
    this.#waiting = []
    this.#waitingBytes = 0
    this.#current = undefined
    for (const sending of unsent) sending.cancel?.(reason)
    this.#settle()
  }

  async #goOnAfter(first: Sending, outcome: Promise<void>): Promise<void> {
    let sending: Sending | undefined = first
    this.#current = first
    try {
      await outcome
      while (this.#current === sending) {
        sending = this.#waiting.shift()
        this.#current = sending
        if (sending === undefined) break
        this.#waitingBytes -= sending.bytes
        await sending.send()
      }
    } catch (error) {
      // Ignore the error if the entry was cleared in the meantime.
      if (this.#current !== sending) return
      this.clear(error)
      this.#failed(error)
    }
    if (this.isIdle) this.#settle()
  }

  #settle(): void {
    this.#idle?.resolve()
    this.#idle = undefined
  }
}
