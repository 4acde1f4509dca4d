/**
 * What a client asks to resume after: the field of the standard, or the query parameter that our hub reads where there is no
 * field.
 *
 * @returns Empty if the client asks for nothing.
 */
export function lastEventIdOf(url: URL, headers: Headers): string {
  return headers.get('last-event-id') ?? url.searchParams.get('lastEventId') ?? ''
}
