import type { RequestContext } from '../request/context.ts'
import { sentStatus } from '../response/sent-status.ts'
import { isThenable } from '../thenable.ts'

/**
 * Gives a handler's answer on, and tells its status as soon as there is one: 500 for a handler that throws. One that
 * answers at once is not made to answer later.
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
