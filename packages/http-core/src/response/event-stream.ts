/** Whether a response is an event stream, which has no end of its own. */
export function isEventStream({ headers }: Response): boolean {
  return headers.get('content-type')?.toLowerCase().startsWith('text/event-stream') === true
}
