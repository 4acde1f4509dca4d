import { memoryLog } from '@sse-toolkit/sse-server'
import { createAccessKey } from '../reader-access.ts'
import { createLocalClaims } from './load-claims.ts'
import { LOAD_LOG_OPTIONS } from './load-hub.ts'
import type { LoadSupport } from './routes.ts'

/** For the loads of one process alone. */
export function createLocalLoadSupport(): LoadSupport {
  return {
    key: createAccessKey(),
    openLog: () => memoryLog(LOAD_LOG_OPTIONS),
    claims: createLocalClaims(),
  }
}
