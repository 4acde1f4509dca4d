import type { SequenceSample } from '../samples.ts'

interface SequenceCounts {
  /** Distinct numbers that arrived. */
  readonly received: number
  /** Skipped, never arrived, and no gap announced it. */
  readonly missing: number
  /** Arrived again. */
  readonly repeated: number
  /** How many gaps the stream announced. */
  readonly gaps: number
}

/** What one number was: the `next`, one that was missing until now (`late`), or one that had arrived (`repeated`). */
type Arrival =
  | { readonly kind: 'next'; readonly skipped: readonly number[] }
  | { readonly kind: 'after-gap' }
  | { readonly kind: 'late' }
  | { readonly kind: 'repeated' }

export interface SequenceMeter {
  readonly counts: SequenceCounts
  take(sample: Pick<SequenceSample, 'run' | 'n'>): Arrival
  /** The stream announced lost events, so the next number may skip some. */
  announceGap(): void
}

/** Numbers that are missing are remembered, so that one that comes late is counted back; that many at most. */
const MAX_REMEMBERED = 10_000

/** Holds the numbers that arrive against those that should. */
export function createSequenceMeter(): SequenceMeter {
  let received = 0
  let missing = 0
  let repeated = 0
  let gaps = 0
  let run: string | undefined
  let highest = 0
  // The first number sets the beginning, as does the first after a gap.
  let isBeginning = true
  const lacking = new Set<number>()

  function begin(sample: Pick<SequenceSample, 'run' | 'n'>): void {
    run = sample.run
    highest = sample.n
    isBeginning = false
    lacking.clear()
  }

  return {
    get counts() {
      return { received, missing, repeated, gaps }
    },
    take(sample) {
      const { n } = sample
      if (isBeginning && (sample.run !== run || n > highest)) {
        received += 1
        begin(sample)
        return { kind: 'after-gap' }
      }
      if (sample.run !== run) {
        // Another process counts now without an announced gap: at least the numbers before this one are missing.
        const skipped = Array.from({ length: Math.min(n - 1, MAX_REMEMBERED) }, (_, index) => index + 1)
        received += 1
        missing += n - 1
        begin(sample)
        for (const number of skipped) lacking.add(number)
        return { kind: 'next', skipped }
      }
      if (n > highest) {
        const skipped: number[] = []
        for (let number = highest + 1; number < n; number += 1) {
          missing += 1
          if (lacking.size < MAX_REMEMBERED) {
            lacking.add(number)
            skipped.push(number)
          }
        }
        highest = n
        received += 1
        return { kind: 'next', skipped }
      }
      if (lacking.delete(n)) {
        missing -= 1
        received += 1
        return { kind: 'late' }
      }
      repeated += 1
      return { kind: 'repeated' }
    },
    announceGap() {
      gaps += 1
      isBeginning = true
    },
  }
}
