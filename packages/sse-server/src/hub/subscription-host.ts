import type { CloseReason } from '../connection/frame-queue.ts'
import type { Frame } from '../connection/frame.ts'
import type { EventLog } from '../log/event-log.ts'
import type { Position } from '../wire-contract/event-id.ts'

/** What all subscriptions of a hub share. */
export interface SubscriptionHost<Subscription> {
  readonly log: EventLog
  /** The newest place in the log that the hub knows of. */
  readonly head: Position
  opened(subscription: Subscription): void
  closed(subscription: Subscription, reason: CloseReason): void
  /** Counts what is sent. */
  delivered(frame: Frame, replayed: boolean): void
  gapAnnounced(): void
  /** Reports an error of a kind that each event or connection may repeat. */
  readonly reportOnce: (what: string, error: Error) => void
}
