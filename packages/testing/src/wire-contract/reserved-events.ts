/** Events were lost, as the hub of `@sse-toolkit/sse-server` announces it. */
export interface AnnouncedGap {
  /**
   * `evicted`: the log no longer holds the events. `epoch`: the log lost its memory. `future`: the client asked to resume
   * after an id beyond the log's end. `dropped`: the connection was too slow.
   *
   * @defaultValue `evicted`
   */
  readonly reason?: 'evicted' | 'epoch' | 'future' | 'dropped'
  /** The id after which the stream should have gone on. @defaultValue null */
  readonly requested?: string | null
  /** The id of the first event that can still follow. @defaultValue null */
  readonly earliest?: string | null
  /** The id of the log's newest event. @defaultValue null */
  readonly latest?: string | null
  /** The id after which the stream goes on; the client's position becomes it. @defaultValue the position stays */
  readonly id?: string
}

/** How a finite stream ended. Nothing is missing only after `completed`. */
export type EndReason = 'completed' | 'cancelled' | 'failed' | 'interrupted' | 'expired'

/** @see https://github.com/sse-toolkit/sse-toolkit/blob/main/docs/reference/wire-contract.md, "Reserved events" */
export function gapEvent(gap: AnnouncedGap): { event: string; data: unknown; id?: string } {
  const { reason = 'evicted', requested = null, earliest = null, latest = null, id } = gap
  const event = { event: 'stream.gap', data: { reason, requested, earliest, latest } }
  return id === undefined ? event : { ...event, id }
}

/** The end of a finite stream, as the hub of `@sse-toolkit/sse-server` announces it. */
export interface AnnouncedEnd {
  /** @defaultValue `completed` */
  readonly reason?: EndReason
  /** What failed, in words for the reader; sent before the end, for the reason `failed`. @defaultValue none */
  readonly message?: string
  /** The topic that ended. @defaultValue none, as for a stream without a hub */
  readonly topic?: string
  /** The id of the end; the client's position becomes it. @defaultValue the position stays */
  readonly id?: string
}

export function endEvents(end: AnnouncedEnd): readonly { event: string; data: unknown; id?: string }[] {
  const { reason = 'completed', message, topic, id } = end
  const event = { event: 'stream.end', data: { topic, reason } }
  const ending = id === undefined ? event : { ...event, id }
  return message === undefined ? [ending] : [{ event: 'stream.error', data: { topic, message } }, ending]
}
