import { createHub } from '@sse-toolkit/sse-server'

// Each route is a bundle of its own, and in development a change loads modules anew: a hub in a module would be several.
export const hub = (globalThis.hub ??= createHub({ heartbeatIntervalMs: 1000 }))
