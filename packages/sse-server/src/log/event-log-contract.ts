import { batchCases } from './contract/batches.ts'
import { controlCases } from './contract/control.ts'
import { finiteTopicCases } from './contract/finite-topics.ts'
import type { ContractCase, ContractOptions } from './contract/harness.ts'
import { positionCases } from './contract/positions.ts'
import { readingCases } from './contract/reading.ts'
import { sharingCases, tailCases } from './contract/tails.ts'

export type { ContractCase, ContractLimits, ContractOptions } from './contract/harness.ts'

/**
 * The contract of {@link EventLog}, as cases for any test runner.
 *
 * @example
 * ```ts
 * import { eventLogContract } from '@sse-toolkit/sse-server/event-log-contract'
 * import { memoryLog } from '@sse-toolkit/sse-server'
 *
 * for (const { name, run } of eventLogContract({ createLog: (limits) => memoryLog(limits) })) {
 *   await run() // or: it(name, run)
 * }
 * ```
 */
export function eventLogContract(options: ContractOptions): readonly ContractCase[] {
  return [
    ...positionCases(options),
    ...readingCases(options),
    ...tailCases(options),
    ...finiteTopicCases(options),
    ...batchCases(options),
    ...controlCases(options),
    ...sharingCases(options),
  ]
}
