import { callListener } from '../../thenable.ts'
import type { ChannelCloseStatus } from './channel-types.ts'

/** The end of a channel, which happens only once. A listener added after the end is called at once. */
export class CloseOnce {
  #status: ChannelCloseStatus | undefined
  #listeners: ((status: ChannelCloseStatus) => unknown)[] = []
  readonly #failed: (error: unknown) => void

  /** @param failed - Receives the error of a listener that throws or rejects. The other listeners are still called. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  get isClosed(): boolean {
    return this.#status !== undefined
  }

  settle(status: ChannelCloseStatus): void {
    if (this.#status !== undefined) return
    this.#status = status
    const listeners = this.#listeners
    this.#listeners = []
    for (const listener of listeners) this.#call(listener, status)
  }

  onClose(listener: (status: ChannelCloseStatus) => unknown): void {
    if (this.#status === undefined) this.#listeners.push(listener)
    else this.#call(listener, this.#status)
  }

  #call(listener: (status: ChannelCloseStatus) => unknown, status: ChannelCloseStatus): void {
    void callListener(() => listener(status), this.#failed)
  }
}
