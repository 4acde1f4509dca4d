import { shorten } from '../errors/shorten.ts'
import { settled } from '../thenable.ts'

/**
 * What a function that was given as an option has decided. Only `true` and `false` are decisions: a promise is truthy
 * whatever it resolves to, and an `async` function would let everybody in.
 *
 * @throws TypeError naming the option for any other answer. The request fails, and the logger gets the error.
 */
export function decisionOf(option: string, answer: unknown): boolean {
  if (typeof answer === 'boolean') return answer
  refusePromise(option, 'true or false', answer)
  throw new TypeError(`${option}: expected true or false, got ${shorten(answer)}.`)
}

/**
 * For a function whose answer is used at once: what it does later comes too late.
 *
 * @throws TypeError naming the option, if the answer is a promise.
 */
export function refusePromise(option: string, expected: string, answer: unknown): void {
  // The answer is refused whatever becomes of it, so a rejection must not end the process.
  if (settled(answer, () => {}) === undefined) return
  throw new TypeError(
    `${option}: expected ${expected}, got a promise. The function must not be asynchronous.`,
  )
}
