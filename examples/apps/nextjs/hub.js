import { createHub } from '@sse-toolkit/sse-server'

// Each route is a separate bundle, and in development a change loads modules again: a hub in a module would be several.
export const hub = (globalThis.hub ??= createHub({ heartbeatIntervalMs: 1000 }))
