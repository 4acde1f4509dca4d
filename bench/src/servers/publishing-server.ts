import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import type { Server } from 'node:net'
import type { OutgoingEvent } from '../events.ts'

/** A server under test: everyone who asks it for anything gets all events from then on. */
export interface PublishingServer {
  readonly port: number
  /** The path for readers that want all events from the first. Absent: the server keeps no events. */
  readonly replayPath?: string
  /** Whose time and memory count, where it is not this process. */
  readonly pid?: number
  /**
   * Sends the events to all connections, within this turn of the event loop, in the way that the contender's users
   * would.
   *
   * @returns a promise, where the contender gives one to wait for before the next turn.
   */
  publish(events: readonly OutgoingEvent[]): Promise<unknown> | void
}

export const host = '127.0.0.1'

/** The port that the system gave it. */
export async function listen(server: Server): Promise<number> {
  server.listen(0, host)
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
