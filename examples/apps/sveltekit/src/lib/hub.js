import { createHub } from '@sse-toolkit/sse-server'

export const hub = (globalThis.hub ??= createHub({ heartbeatIntervalMs: 1000 }))
