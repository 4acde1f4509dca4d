export { ResponseStateError } from '../errors/response-state-error.ts'
export { openEventStream, type OpenEventStreamOptions } from './open-event-stream.ts'
export type { NodeRequest, NodeResponse } from './node-response.ts'
export { sendResponse } from './send-response.ts'
