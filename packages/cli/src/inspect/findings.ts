import type { Finding, Observation, Rule, Severity } from './finding.ts'
import {
  noAnswer,
  notAllowed,
  status,
  contentType,
  certificate,
  redirect,
  compression,
  caching,
  contentLength,
  crossOrigin,
} from './head-rules.ts'
import { slowHead, silentStart, torn, bursts, staleEvents, heartbeat, ending } from './timing-rules.ts'
import {
  ids,
  retry,
  unknownFields,
  withoutData,
  lineEndings,
  byteOrderMark,
  invalidUtf8,
  endlessLine,
  noBlocks,
} from './wire-rules.ts'

const severities: readonly Severity[] = ['error', 'warning', 'note']

const rules: readonly Rule[] = [
  noAnswer,
  notAllowed,
  status,
  contentType,
  certificate,
  torn,
  endlessLine,
  noBlocks,
  unknownFields,
  invalidUtf8,
  byteOrderMark,
  heartbeat,
  ids,
  ending,
  bursts,
  staleEvents,
  slowHead,
  silentStart,
  compression,
  caching,
  contentLength,
  withoutData,
  retry,
  lineEndings,
  redirect,
  crossOrigin,
]

/**
 * What is wrong with a stream, worst first.
 *
 * @example
 * ```ts ignore
 * const reader = createStreamReader()
 * reader.read(12, new TextEncoder().encode('Data: 1\n\n'))
 * findingsOf({ head, reading: reader.reading, end: undefined, watchedMs: 12 })
 * // [{ code: 'unknown-field', severity: 'error', ... }]
 * ```
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */
export function findingsOf(observation: Observation): Finding[] {
  const found = rules.map((rule) => rule(observation)).filter((each) => each !== undefined)
  return severities.flatMap((severity) => found.filter((each) => each.severity === severity))
}
