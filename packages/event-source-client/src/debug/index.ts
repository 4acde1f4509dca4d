export { debugChannelName, debugStatus, debugTransport, formatDebugEvent } from './debug.ts'
export type { DebugEvent, DebugHeaders, DebugTransportOptions } from './debug.ts'
