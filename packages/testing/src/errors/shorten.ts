/** A value as an error's text shows it: one line, at most 60 UTF-16 code units. */
export function shorten(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : describe(value)
  return text.length <= 60 ? text : `${text.slice(0, 57)}...`
}

function describe(value: unknown): string {
  if (typeof value === 'function') return 'a function'
  if (typeof value !== 'object' || value === null) return String(value)
  try {
    return JSON.stringify(value) ?? Object.prototype.toString.call(value)
  } catch {
    // A cycle, or a getter that throws: the text of an error must not fail because of it.
    return Object.prototype.toString.call(value)
  }
}
