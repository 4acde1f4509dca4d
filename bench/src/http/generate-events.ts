import { outgoingEvent } from '../events.ts'
import type { OutgoingEvent } from '../events.ts'
import { streamedEvents } from './http-server.ts'

/** As an application's source would be: asynchronous, one event after the other. */
export async function* generateEvents(): AsyncGenerator<OutgoingEvent, void> {
  for (let seq = 0; seq < streamedEvents; seq += 1) yield outgoingEvent(seq)
}
