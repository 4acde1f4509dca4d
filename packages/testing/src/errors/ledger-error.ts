import type { LedgerReport } from '../ledger/ledger-report.ts'

/** A ledger is not complete. `reports` are those of the readers that missed something, or received too much. */
export class LedgerError extends Error {
  override readonly name = 'LedgerError'
  readonly code = 'ledger-incomplete'
  readonly reports: readonly LedgerReport[]

  constructor(message: string, reports: readonly LedgerReport[]) {
    super(message)
    this.reports = reports
  }
}
