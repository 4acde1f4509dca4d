/** One event. */
export interface StreamEvent<Type extends string = string, Data = string> {
  /** `message` if the server names none. */
  readonly type: Type
  readonly data: Data
  /** The last event ID as of this event: where to resume once the event is dealt with. Empty if there never was an id. */
  readonly lastEventId: string
  /** Its topic, where our server says so: `topicField` of `subscribe`. */
  readonly topic?: string
}

/** An event as it came. */
export type TextEvent = StreamEvent

/** An event whose data is decoded. */
export type DecodedEvent = StreamEvent<string, unknown>
