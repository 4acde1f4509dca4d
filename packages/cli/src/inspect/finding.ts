import { fieldOf } from './observation.ts'
import type { ObservedEnd, ObservedHead } from './observation.ts'
import type { StreamReading } from './stream-reader.ts'

/** `error`: clients fail or lose events. `warning`: they will, some day. `note`: worth knowing. */
export type Severity = 'error' | 'warning' | 'note'

export interface Finding {
  /** Stands for the kind of finding, for tests and links. */
  readonly code: string
  readonly severity: Severity
  /** What was seen, in plain words. */
  readonly text: string
  /** How to mend it. */
  readonly hint: string
}

export interface Observation {
  /** Undefined if there was no answer. */
  readonly head: ObservedHead | undefined
  readonly reading: StreamReading
  /** Undefined while it is still looked at. */
  readonly end: ObservedEnd | undefined
  /** How long it has been looked at so far, from the request. */
  readonly watchedMs: number
}

export type Rule = (observation: Observation) => Finding | undefined

export function finding(severity: Severity, code: string, text: string, hint: string): Finding {
  return { severity, code, text, hint }
}

/** An observation of which the head has arrived. */
export type ObservedStream = Observation & { readonly head: ObservedHead }

/** For what can only be said of a response that is an event stream. */
export function ofStream(rule: (observation: ObservedStream) => Finding | undefined): Rule {
  return (observation) => {
    const { head } = observation
    return head?.status === 200 && isEventStream(head) ? rule({ ...observation, head }) : undefined
  }
}

export function isEventStream(head: ObservedHead): boolean {
  return mediaTypeOf(head) === 'text/event-stream'
}

function mediaTypeOf(head: ObservedHead): string {
  return (fieldOf(head, 'content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
}

export function seconds(durationMs: number): string {
  return durationMs < 1_000 ? `${Math.round(durationMs)} ms` : `${(durationMs / 1_000).toFixed(1)} s`
}
