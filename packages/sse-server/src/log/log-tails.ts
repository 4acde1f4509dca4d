import { Deque } from '../deque.ts'
import type { LogTailListener } from './event-log.ts'

interface Tail {
  readonly listener: LogTailListener
  isStopped: boolean
}

interface Notification {
  /** Those that listened when it happened. A tail that begins later does not receive it. */
  readonly tails: readonly Tail[]
  readonly notify: (listener: LogTailListener) => void
}

/**
 * The tails of a log, each notified of everything in one order. For logs of your own: it keeps the rule of
 * {@link EventLog} that is hardest to keep.
 *
 *     append 1 -> notify A of 1 -> A appends 2 -> (2 waits) -> notify B of 1 -> notify A of 2 -> notify B of 2
 *
 * A listener may cause further notifications, when a filter or an error handler publishes. They wait until every tail
 * knows of the one at hand: a tail that received 2 before 1 would take 1 for an event that it already has.
 */
export class LogTails {
  #tails: readonly Tail[] = []
  readonly #waiting = new Deque<Notification>()
  #isNotifying = false

  get size(): number {
    return this.#tails.length
  }

  /** @returns a function that stops the tail, also in the middle of a notification. */
  add(listener: LogTailListener): () => void {
    const tail: Tail = { listener, isStopped: false }
    this.#tails = [...this.#tails, tail]
    return () => {
      tail.isStopped = true
      this.#tails = this.#tails.filter((each) => each !== tail)
    }
  }

  /** Stops all tails. */
  clear(): void {
    for (const tail of this.#tails) tail.isStopped = true
    this.#tails = []
  }

  /**
   * Calls each function with each listener, one function after the other: now, or after the notifications that are under way.
   * Pass what belongs together in one call: what a listener causes in the meantime comes after all of it.
   */
  notify(...notify: readonly ((listener: LogTailListener) => void)[]): void {
    for (const each of notify) this.#waiting.push({ tails: this.#tails, notify: each })
    this.#notifyWaiting()
  }

  /** As {@link LogTails.notify}, for what falls to one tail and no other. */
  notifyFirst(notify: (listener: LogTailListener) => void): void {
    this.#waiting.push({ tails: this.#tails.slice(0, 1), notify })
    this.#notifyWaiting()
  }

  #notifyWaiting(): void {
    if (this.#isNotifying) return
    this.#isNotifying = true
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      for (const tail of next.tails) if (!tail.isStopped) notifyTail(tail, next.notify)
    }
    this.#isNotifying = false
  }
}

/** A listener that throws breaks its contract: the error surfaces as an uncaught exception, and the others are notified. */
function notifyTail({ listener }: Tail, notify: Notification['notify']): void {
  try {
    notify(listener)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
