/** One thing to be sent. */
export interface Sending {
  /** Bytes that wait with it in memory. */
  readonly bytes: number
  /** Sends it: at once, or piece by piece, until the promise resolves. */
  send(): Promise<void> | void
  /** It is not sent, or not to its end. */
  cancel?(reason: unknown): void
}

/**
 * Keeps the order of what is sent, where something of it has to be read first:
 *
 *     text   Blob ...reading...   text   bytes   close
 *     sent   being sent           waiting, counted in bytes
 *
 * As long as nothing takes time, nothing waits here.
 */
export class SendQueue {
  readonly #failed: (error: unknown) => void
  #waiting: Sending[] = []
  #current: Sending | undefined
  #waitingBytes = 0
  #idle: PromiseWithResolvers<void> | undefined

  /** @param failed - Told what a sending throws, now or later; the queue has been cleared. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  /** Bytes that wait behind what is being read. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  get isIdle(): boolean {
    return this.#current === undefined
  }

  /** Resolves when nothing waits any more, whether or not it was sent. */
  async idle(): Promise<void> {
    if (this.isIdle) return
    this.#idle ??= Promise.withResolvers()
    await this.#idle.promise
  }

  /** What is sent at once fails at once: the caller gets the error. */
  add(sending: Sending): void {
    if (this.#current !== undefined) {
      this.#waiting.push(sending)
      this.#waitingBytes += sending.bytes
      return
    }
    const outcome = sending.send()
    if (outcome !== undefined) void this.#goOnAfter(sending, outcome)
  }

  /** Nothing more is sent. */
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
      // Messages that were cleared in the meantime no longer fail.
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
