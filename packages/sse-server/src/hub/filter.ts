import { isThenable } from '../callbacks.ts'
import { OptionError } from '../errors/option-error.ts'
import type { LogEntry } from '../log/event-log.ts'
import { formatEventId } from '../wire-contract/event-id.ts'
import type { HubEventView } from './hub-options.ts'

interface FilterReports {
  readonly onError: (error: unknown) => void
  /** For what each event may repeat. */
  readonly reportOnce: (what: string, error: Error) => void
}

/**
 * Asks a subscription's filter about an event. Only `true` lets the event through: what is truthy may be a mistake.
 *
 * @returns `failed` if the filter throws, or returns a promise: the answer would come too late, since the events after this
 *   one are not kept for it. Both are reported.
 */
export function applyFilter(
  filter: (event: HubEventView) => boolean,
  event: HubEventView,
  { onError, reportOnce }: FilterReports,
): boolean | 'failed' {
  let answer: unknown
  try {
    answer = filter(event)
  } catch (error) {
    onError(error)
    return 'failed'
  }
  if (typeof answer === 'boolean') return answer
  const error = new OptionError('filter', answer, 'a function that returns true or false')
  if (!isThenable(answer)) {
    reportOnce('filter', error)
    return false
  }
  onError(error)
  void answer.then(undefined, onError)
  return 'failed'
}

/** An entry as filters see it. */
export function viewOf(entry: LogEntry): HubEventView {
  return {
    topic: entry.topic,
    event: entry.event ?? 'message',
    data: entry.data,
    id: formatEventId(entry.position),
  }
}
