const maxShownCodeUnits = 80

/** Formats a value for an error text: on one line, with strings quoted, and cut to 80 UTF-16 code units. */
export function shorten(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value) : plain(value)
  return text.length > maxShownCodeUnits ? `${text.slice(0, maxShownCodeUnits - 3)}...` : text
}

function plain(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'object' && value !== null) {
    return Array.isArray(value) ? `[${value.map(shorten).join(', ')}]` : 'an object'
  }
  return String(value)
}
