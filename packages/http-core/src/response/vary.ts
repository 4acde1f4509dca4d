/** Adds a request field to `Vary`, unless `Vary` already covers it (RFC 9110 section 12.5.5). */
export function addVary(headers: Headers, field: string): void {
  const present = headers.get('vary')
  if (present === null) {
    headers.set('vary', field)
    return
  }
  const names = new Set(present.split(',').map((name) => name.trim().toLowerCase()))
  if (!names.has('*') && !names.has(field.toLowerCase())) headers.append('vary', field)
}
