/** The last event ID string, and what may move it. */
export interface ResumePosition {
  /** Sent as `Last-Event-ID`; empty if there is none. */
  readonly lastEventId: string
  /** Takes note of an event. @returns False if it is a repeat, which must not be dispatched. */
  admit(type: string, id: string | undefined): boolean
  /** Takes note of a block that has an id and no data. */
  move(id: string): void
}
