import { eventFrame } from '../connection/frame.ts'
import type { Frame } from '../connection/frame.ts'
import type { LogEntry } from '../log/event-log.ts'
import { formatEventId } from '../wire-contract/event-id.ts'
import { isReserved } from '../wire-contract/reserved-events.ts'

/** The frames of a hub's events, each made once for all connections. */
export class FrameCache {
  readonly #onError: (error: unknown) => void
  // What is delivered as it is appended asks for no other frame than the newest.
  #newest: LogEntry | null = null
  #newestFrame: Frame | null | undefined = undefined
  // What is replayed is encoded once for all replays, for as long as the log holds the entry.
  readonly #frames = new WeakMap<LogEntry, Frame | null>()

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  /** The entry that is about to be delivered. */
  begin(entry: LogEntry): void {
    this.#newest = entry
    this.#newestFrame = undefined
  }

  /** @returns null for an entry that cannot be formatted, which is reported once. */
  frameOf(entry: LogEntry): Frame | null {
    if (entry === this.#newest) {
      if (this.#newestFrame === undefined) this.#newestFrame = this.#format(entry)
      return this.#newestFrame
    }
    let frame = this.#frames.get(entry)
    if (frame === undefined) {
      frame = this.#format(entry)
      this.#frames.set(entry, frame)
    }
    return frame
  }

  #format(entry: LogEntry): Frame | null {
    const id = formatEventId(entry.position)
    const event = { id, data: entry.data, ...(entry.event !== undefined && { event: entry.event }) }
    try {
      return eventFrame(event, keyOf(entry))
    } catch (error) {
      // Another process on the log may check less than this hub does.
      this.#onError(error)
      return null
    }
  }
}

/** What the hub writes for itself takes the place of nothing that was published: no topic has a space. */
function keyOf({ topic, event, key }: LogEntry): string {
  return isReserved(event) ? `${event} ${topic}` : (key ?? topic)
}
