import { createEventSource } from '@sse-toolkit/event-source-client'
import type { EventOf, EventSourceClient } from '@sse-toolkit/event-source-client'
import { sampleSchemas } from './sample-schemas.ts'

export type DemoStream = EventSourceClient<EventOf<typeof sampleSchemas, 'text'>>

/** A demo is watched: it should not make its viewer wait as long as a crowd of clients would have to. */
const MAX_DELAY_MS = 4_000

/** One stream for all topics, from the oldest event that the log still holds: no chart begins empty. */
export function openStream(pageId: string): DemoStream {
  return createEventSource(`/events?page=${pageId}`, {
    events: sampleSchemas,
    lastEventId: 'earliest',
    reconnection: { maxDelayMs: MAX_DELAY_MS },
  })
}

/** 128 random bits. Not `randomUUID`, which pages on a plain-http address of the network do not have. */
export function createPageId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
