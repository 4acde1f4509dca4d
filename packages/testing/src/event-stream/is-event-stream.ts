/** Whether a `Content-Type` is that of an event stream; parameters such as `charset=utf-8` may follow. */
export function isEventStream(contentType: string | null): boolean {
  return /^\s*text\/event-stream\s*(;|$)/i.test(contentType ?? '')
}
