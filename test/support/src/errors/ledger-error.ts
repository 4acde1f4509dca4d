import type { LedgerReport } from '../ledger-report.ts'

/** A ledger was not complete. `reports` are those of the readers that failed. */
export class LedgerError extends Error {
  override readonly name = 'LedgerError'
  readonly code = 'ledger-incomplete'
  readonly reports: readonly LedgerReport[]

  constructor(message: string, reports: readonly LedgerReport[]) {
    super(message)
    this.reports = reports
  }
}
