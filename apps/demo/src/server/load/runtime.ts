/** Milliseconds since 1970 with fractions, which two processes of one machine agree on. */
export function preciseNow(): number {
  return performance.timeOrigin + performance.now()
}
