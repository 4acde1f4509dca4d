/** The readers at one moment: the event `presence`. */
export interface PresenceSnapshot {
  /** Milliseconds since 1970. */
  readonly at: number
  /** Each process tells of its own connections: this one, of so many. */
  readonly node: number
  readonly nodes: number
  readonly total: number
  /** The oldest {@link MAX_LISTED} of them. */
  readonly connections: readonly PresentConnection[]
}

export interface PresentConnection {
  /** Undefined for a reader without an id. Such readers cannot be distinguished, nor disconnected alone. */
  readonly identity: string | undefined
  readonly isAsker: boolean
  /** Where it came from the last time, and with what; undefined where it is not known. */
  readonly address: string | undefined
  readonly userAgent: string | undefined
  readonly topics: readonly string[]
  readonly position: string
  /** Milliseconds since 1970. */
  readonly since: number
  readonly bufferedBytes: number
}

export const MAX_LISTED = 200
