import type { NumberRange } from './number-ranges.ts'

/** What one reader got of one topic, held against what it should have got. */
export interface LedgerReport {
  readonly reader: string
  readonly topic: string
  /** Distinct sequence numbers received. */
  readonly received: number
  /** Expected, not received, and no announced gap covers them. */
  readonly missing: readonly NumberRange[]
  /** Expected, not received, but an announced gap covers them. */
  readonly announced: readonly NumberRange[]
  /** Received more than once: each repetition, in order of arrival. */
  readonly repeated: readonly number[]
  /** Received for the first time, but after a higher one. */
  readonly outOfOrder: readonly { readonly seq: number; readonly after: number }[]
  /** Received, though never expected. */
  readonly unexpected: readonly NumberRange[]
  /** How many gaps were announced. */
  readonly gaps: number
}
