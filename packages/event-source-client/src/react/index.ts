export { useEventSource } from './use-event-source.ts'
export type { EventSourceView, UseEventSourceOptions } from './use-event-source.ts'
