import { createHub } from '@sse-toolkit/sse-server'

export const hub = createHub({ heartbeatIntervalMs: 1000 })
