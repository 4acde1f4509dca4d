import { shorten } from '../errors/shorten.ts'
import { settled } from '../thenable.ts'

/**
 * Checks the return value of an option that decides, such as `origin`. Only `true` and `false` are decisions. A promise is
 * truthy whatever it resolves to, so an `async` function would let every request in.
 *
 * @throws TypeError naming the option, for any other value. The request then fails, and the logger gets the error.
 */
export function decisionOf(option: string, answer: unknown): boolean {
  if (typeof answer === 'boolean') return answer
  refusePromise(option, 'true or false', answer)
  throw new TypeError(`${option}: expected true or false, got ${shorten(answer)}.`)
}

/**
 * Checks the return value of a function that must do its work synchronously.
 *
 * @throws TypeError naming the option, if the value is a promise.
 */
export function refusePromise(option: string, expected: string, answer: unknown): void {
  // The promise is refused either way, so its rejection must not end the process.
  if (settled(answer, () => {}) === undefined) return
  throw new TypeError(
    `${option}: expected ${expected}, got a promise. The function must not be asynchronous.`,
  )
}
