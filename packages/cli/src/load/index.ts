export { createIdLedger } from './id-ledger.ts'
export type { IdLedger, IdReader } from './id-ledger.ts'
export { createLatencyHistogram } from './latency-histogram.ts'
export type { LatencyHistogram } from './latency-histogram.ts'
