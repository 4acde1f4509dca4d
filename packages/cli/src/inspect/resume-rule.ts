import { finding } from './finding.ts'
import type { Finding } from './finding.ts'
import type { StreamReading } from './stream-reader.ts'

/** What came when it was asked to go on after the first event. */
export interface ResumedObservation {
  readonly status: number | undefined
  readonly reading: StreamReading
}

/**
 * Whether a client that loses its connection loses events: the stream was asked again, to go on after its first event, and should
 * begin with the second.
 *
 * @param first - the first time.
 * @returns undefined if it does, or if nothing can be said: without ids, or with one event alone.
 */
export function resumption(first: StreamReading, again: ResumedObservation): Finding | undefined {
  const [, expected] = idsOf(first)
  if (expected === undefined) return undefined
  if (again.status !== 200)
    return finding(
      'error',
      'resume-refused',
      `Asked again with Last-Event-ID, the server answers ${again.status ?? 'nothing'}.`,
      'A client that lost its connection asks so. Answer as to any other request, and go on after that event.',
    )
  const [resumed] = idsOf(again.reading)
  if (resumed === expected) return undefined
  const seen = idsOf(first).indexOf(resumed ?? '')
  if (resumed !== undefined && seen === 0)
    return finding(
      'warning',
      'resume-repeats',
      'Asked to go on after an event, the stream begins with that event again.',
      'Last-Event-ID names the last event that the client has had: begin with the one after it.',
    )
  return finding(
    'warning',
    'resume-ignored',
    'The events have ids, but asked to go on after one, the stream did not send what came after it.',
    'Clients lose what is sent while they reconnect. Keep recent events, and send those after Last-Event-ID first.',
  )
}

function idsOf({ blocks }: StreamReading): readonly string[] {
  return blocks.flatMap(({ id, data }) => (id === undefined || id === '' || data === undefined ? [] : [id]))
}
