/**
 * The milliseconds that a `Retry-After` field asks to wait.
 *
 * @param value - `delay-seconds` (`"120"`) or an HTTP-date (`"Fri, 31 Dec 1999 23:59:59 GMT"`).
 * @param nowMs - What an HTTP-date is measured from, in milliseconds since the Unix epoch.
 * @returns Undefined for an absent or malformed field; 0 for a date that has passed.
 * @see https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
 */
export function parseRetryAfter(value: string | null, nowMs: number): number | undefined {
  if (!value) return undefined
  if (/^\d+$/.test(value)) return Number(value) * 1000
  // The asctime form ("Sun Nov  6 08:49:37 1994") names no zone, and Date.parse would take it as local time.
  // Date.parse takes all three HTTP-date forms, but also "-5" and "1.5", which are dates to V8 and nonsense here.
  if (!/^[A-Z][a-z]+,? /.test(value)) return undefined
  const dateMs = Date.parse(value.replace(/(?<! GMT)$/, ' GMT'))
  return Number.isNaN(dateMs) ? undefined : Math.max(0, dateMs - nowMs)
}
