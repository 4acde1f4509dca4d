import fresh from 'fresh'
import { systemRuntime } from '../../runtime.ts'
import { parseHttpDate } from './http-date.ts'
import type { ByteRange, TreeEntry } from './file-tree.ts'

/** A single range of bytes. Anything else, several ranges included, is ignored (RFC 9110 section 14.2). */
const rangePattern = /^bytes=[\t ]*(?:(\d+)-(\d*)|-(\d+))[\t ]*$/i

const tag = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g

type File = Extract<TreeEntry, { kind: 'file' }>

/** `Last-Modified` counts in seconds. */
export function lastModified({ modifiedAt }: File): string {
  return new Date(Math.trunc(modifiedAt / 1000) * 1000).toUTCString()
}

/** Whether the client has it already (RFC 9110 section 13.1.2, 13.1.3). */
export function isFresh(request: Request, file: File): boolean {
  // Without `cache-control: no-cache`, which asks for just this check.
  const match = request.headers.get('if-none-match')
  if (match !== null) return fresh({ 'if-none-match': match }, { etag: file.etag })
  const since = dateOf(request, 'if-modified-since')
  return since !== undefined && secondOf(file) <= since
}

/** Whether the client asks for something other than what is there now (section 13.1.1, 13.1.4): then 412. */
export function isChanged(request: Request, file: File | undefined): boolean {
  const match = request.headers.get('if-match')
  if (match !== null) {
    if (file === undefined) return true
    if (match.trim() !== '*' && !tags(match).includes(file.etag)) return true
  }
  const since = dateOf(request, 'if-unmodified-since')
  // Section 13.1.4: not together with If-Match, which is more exact.
  if (match === null && since !== undefined && file !== undefined && secondOf(file) > since) return true
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
  const [, first, last, suffix] = rangePattern.exec(field) ?? []
  const { sizeBytes } = file
  if (suffix !== undefined) {
    // Section 14.1.2: of a file that is shorter than the suffix, all of it.
    const length = Math.min(Number(suffix), sizeBytes)
    return length === 0 ? 'unsatisfiable' : { start: sizeBytes - length, end: sizeBytes - 1 }
  }
  if (first === undefined) return undefined
  const start = Number(first)
  const end = last === undefined || last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1)
  // A range that ends before it begins is invalid (section 14.1.1).
  if (last !== undefined && last !== '' && Number(last) < start) return undefined
  return start >= sizeBytes ? 'unsatisfiable' : { start, end }
}

/** Section 13.1.5. */
function isSameVersion(request: Request, file: File): boolean {
  const condition = request.headers.get('if-range')
  if (condition === null) return true
  if (condition.startsWith('"')) return condition === file.etag
  return parseHttpDate(condition, systemRuntime.wallClock()) === secondOf(file)
}

/** The entity tags of a list, in whose quotes a comma may stand (section 8.8.3); none if it does not parse. */
function tags(list: string): readonly string[] {
  return /^[\t ,]*$/.test(list.replaceAll(tag, '')) ? (list.match(tag) ?? []) : []
}

/** A condition by a date. A value that is not a date is ignored (sections 13.1.3 and 13.1.4). */
function dateOf({ headers }: Request, field: string): number | undefined {
  return parseHttpDate(headers.get(field) ?? '', systemRuntime.wallClock())
}

/** When the file was changed, as `Last-Modified` says it. */
function secondOf({ modifiedAt }: File): number {
  return Math.trunc(modifiedAt / 1000) * 1000
}
