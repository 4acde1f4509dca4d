export { fileLastEventIdStore } from './file-last-event-id-store.ts'
