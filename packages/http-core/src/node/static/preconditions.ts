import fresh from 'fresh'
import parseRange from 'range-parser'
import type { ByteRange, TreeEntry } from './file-tree.ts'

/** What is no range of bytes must be ignored (RFC 9110 section 14.2). */
const rangePattern = /^bytes=\s*(?:\d+-\d*|-\d+)(?:\s*,\s*(?:\d+-\d*|-\d+))*$/i

type File = Extract<TreeEntry, { kind: 'file' }>

/** `Last-Modified` counts in seconds. */
export function lastModified({ modifiedAt }: File): string {
  return new Date(Math.trunc(modifiedAt / 1000) * 1000).toUTCString()
}

/** Whether the client has it already (RFC 9110 section 13.1.2, 13.1.3). */
export function isFresh(request: Request, file: File): boolean {
  // Without `cache-control: no-cache`, which asks for just this check.
  const conditions = fieldsOf(request, ['if-none-match', 'if-modified-since'])
  return fresh(conditions, { etag: file.etag, 'last-modified': lastModified(file) })
}

/** Whether the client wants something else than what is there now (section 13.1.1, 13.1.4): then 412. */
export function isChanged(request: Request, file: File | undefined): boolean {
  const match = request.headers.get('if-match')
  if (match !== null) {
    if (file === undefined) return true
    return match.trim() !== '*' && !tags(match).includes(file.etag)
  }
  const since = Date.parse(request.headers.get('if-unmodified-since') ?? '')
  if (!Number.isNaN(since) && file !== undefined && Math.trunc(file.modifiedAt / 1000) * 1000 > since)
    return true
  const noneMatch = request.headers.get('if-none-match')
  // For a method that changes something it says: only if nothing, or nothing of these, is there.
  if (noneMatch === null || file === undefined || request.method === 'GET' || request.method === 'HEAD')
    return false
  return noneMatch.trim() === '*' || tags(noneMatch).includes(file.etag)
}

/**
 * The part that is asked for (section 14): undefined for the whole, also where the range does not parse, asks for
 * several parts, or is of another version than the file is.
 */
export function rangeOf(request: Request, file: File): ByteRange | 'unsatisfiable' | undefined {
  const field = request.headers.get('range')
  if (field === null || request.method !== 'GET' || !isSameVersion(request, file)) return undefined
  if (!rangePattern.test(field)) return undefined
  const ranges = parseRange(file.sizeBytes, field)
  if (ranges === -1) return 'unsatisfiable'
  if (ranges === -2 || ranges.type !== 'bytes' || ranges.length !== 1) return undefined
  return ranges[0]
}

/** Section 13.1.5. */
function isSameVersion(request: Request, file: File): boolean {
  const condition = request.headers.get('if-range')
  if (condition === null) return true
  return condition.startsWith('"') ? condition === file.etag : condition === lastModified(file)
}

function tags(list: string): string[] {
  return list.split(',').map((tag) => tag.trim())
}

function fieldsOf({ headers }: Request, names: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const name of names) {
    const value = headers.get(name)
    if (value !== null) fields[name] = value
  }
  return fields
}
