import type { EventFieldErrorCode } from '../errors/event-field-error.ts'
import type { ProducerSequenceError } from '../errors/producer-sequence-error.ts'
import { Refusal } from './problem.ts'
import type { Problem } from './problem.ts'

// By their codes, since a log may come with another copy of this package.
const statuses: Readonly<Record<string, Problem['status']>> = {
  ...({
    'invalid-event': 400,
    'invalid-id': 400,
    'invalid-retry': 400,
    'invalid-comment': 400,
    'invalid-data': 400,
    'missing-data': 400,
    'reserved-event': 400,
  } satisfies Record<EventFieldErrorCode, 400>),
  'invalid-option': 400,
  'invalid-topic': 400,
  'event-too-large': 413,
  'stale-producer': 403,
  'sequence-gap': 409,
  'topic-ended': 410,
  'topic-expired': 410,
  'topic-full': 507,
  'log-full': 507,
  'hub-closed': 503,
}

/**
 * What a publisher learns about an error, and whether the error is the server's.
 *
 * An error without one of these codes comes from the log, after the event was checked. Whether the event was stored is not known
 * then, so the publisher should send it again with the same key.
 */
export function problemOf(error: unknown): { readonly problem: Problem; readonly isOurs: boolean } {
  if (error instanceof Refusal) return { problem: error.problem, isOurs: false }
  const code = codeOf(error)
  const status = statuses[code]
  if (status === undefined) {
    const detail = 'The event may not have been stored. Send it again, with the same Idempotency-Key.'
    return { problem: { status: 503, code: 'log-unavailable', detail }, isOurs: true }
  }
  const problem = { status, code, detail: messageOf(error) }
  if (status !== 403 && status !== 409) return { problem, isOurs: status === 507 }
  const { expected } = error as ProducerSequenceError
  return {
    problem: {
      ...problem,
      members: { expected },
      headers: { 'producer-epoch': String(expected.epoch), 'producer-expected-seq': String(expected.seq) },
    },
    isOurs: false,
  }
}

function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : ''
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
}
