/** Whether a response is an event stream, which does not end by itself. */
export function isEventStream({ headers }: Response): boolean {
  return headers.get('content-type')?.toLowerCase().startsWith('text/event-stream') === true
}
