import type { RequestContext } from '../request/context.ts'
import { sentStatus } from '../response/sent-status.ts'
import { isThenable } from '../thenable.ts'

/**
 * Returns a handler's response, and calls `tell` with the status as soon as it is known: 500 if the handler throws. A
 * synchronous handler stays synchronous.
 */
export function tellStatus(
  context: RequestContext,
  answerOf: () => Response | Promise<Response>,
  tell: (status: number) => void,
): Response | Promise<Response> {
  const answered = (response: Response): Response => {
    tell(sentStatus(response, context))
    return response
  }
  const failed = (error: unknown): never => {
    tell(500)
    throw error
  }
  try {
    const answer = answerOf()
    return isThenable(answer) ? answer.then(answered, failed) : answered(answer)
  } catch (error) {
    return failed(error)
  }
}
