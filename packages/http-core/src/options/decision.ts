import { shorten } from '../errors/shorten.ts'

/**
 * What a function that was given as an option has decided. Only `true` and `false` are decisions: a promise is truthy
 * whatever it resolves to, and an `async` function would let everybody in.
 *
 * @throws TypeError naming the option for any other answer. The request fails, and the logger gets the error.
 */
export function decisionOf(option: string, answer: unknown): boolean {
  if (typeof answer === 'boolean') return answer
  if (isThenable(answer)) {
    // The answer is refused whatever becomes of it, so a rejection must not end the process.
    answer.then(undefined, () => {})
    throw new TypeError(`${option}: expected true or false, got a promise. The function must decide at once.`)
  }
  throw new TypeError(`${option}: expected true or false, got ${shorten(answer)}.`)
}

function isThenable(answer: unknown): answer is PromiseLike<unknown> {
  return (
    typeof answer === 'object' && answer !== null && 'then' in answer && typeof answer.then === 'function'
  )
}
