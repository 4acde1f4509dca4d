import fresh from 'fresh'
import { systemRuntime } from '../../runtime.ts'
import { parseHttpDate } from './http-date.ts'
import type { ByteRange, TreeEntry } from './file-tree.ts'

/** A single range of bytes. Any other value is ignored, also one with several ranges (RFC 9110 section 14.2). */
const rangePattern = /^bytes=[\t ]*(?:(\d+)-(\d*)|-(\d+))[\t ]*$/i

const tag = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g

type File = Extract<TreeEntry, { kind: 'file' }>

/** The value of `Last-Modified`, which has a resolution of one second. */
export function lastModified({ modifiedAt }: File): string {
  return new Date(Math.trunc(modifiedAt / 1000) * 1000).toUTCString()
}

/** Whether the client already has this version of the file (RFC 9110 sections 13.1.2 and 13.1.3). */
export function isFresh(request: Request, file: File): boolean {
  // Do not pass on `cache-control: no-cache`: it asks for exactly this check, but `fresh` would skip the check.
  const match = request.headers.get('if-none-match')
  if (match !== null) return fresh({ 'if-none-match': match }, { etag: file.etag })
  const since = dateOf(request, 'if-modified-since')
  return since !== undefined && secondOf(file) <= since
}

/** Whether a precondition of the request fails, so that the answer is 412 (sections 13.1.1, 13.1.2 and 13.1.4). */
export function isChanged(request: Request, file: File | undefined): boolean {
  const match = request.headers.get('if-match')
  if (match !== null) {
    if (file === undefined) return true
    if (match.trim() !== '*' && !tags(match).includes(file.etag)) return true
  }
  const since = dateOf(request, 'if-unmodified-since')
  // Section 13.1.4: ignore If-Unmodified-Since if there is an If-Match, which is more exact.
  if (match === null && since !== undefined && file !== undefined && secondOf(file) > since) return true
  const noneMatch = request.headers.get('if-none-match')
  // For methods that change the file: the request may only proceed if no file exists, or none with these entity tags.
  if (noneMatch === null || file === undefined || request.method === 'GET' || request.method === 'HEAD')
    return false
  return noneMatch.trim() === '*' || tags(noneMatch).includes(file.etag)
}

/**
 * The range that the request asks for (section 14). Undefined means the whole file: there is no range, the range does not
 * parse, there are several ranges, or `If-Range` names another version of the file.
 */
export function rangeOf(request: Request, file: File): ByteRange | 'unsatisfiable' | undefined {
  const field = request.headers.get('range')
  if (field === null || request.method !== 'GET' || !isSameVersion(request, file)) return undefined
  const [, first, last, suffix] = rangePattern.exec(field) ?? []
  const { sizeBytes } = file
  if (suffix !== undefined) {
    // Section 14.1.2: if the file is shorter than the suffix, the range is the whole file.
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

/** Whether `If-Range` names this version of the file, or is absent (section 13.1.5). */
function isSameVersion(request: Request, file: File): boolean {
  const condition = request.headers.get('if-range')
  if (condition === null) return true
  if (condition.startsWith('"')) return condition === file.etag
  return parseHttpDate(condition, systemRuntime.wallClock()) === secondOf(file)
}

/** Parses a list of entity tags, which may contain commas within quotes (section 8.8.3). Empty if the list does not parse. */
function tags(list: string): readonly string[] {
  return /^[\t ,]*$/.test(list.replaceAll(tag, '')) ? (list.match(tag) ?? []) : []
}

/** The date in a conditional field. A value that is not a date is ignored (sections 13.1.3 and 13.1.4). */
function dateOf({ headers }: Request, field: string): number | undefined {
  return parseHttpDate(headers.get(field) ?? '', systemRuntime.wallClock())
}

/** The modification time of the file in whole seconds, as in `Last-Modified`. */
function secondOf({ modifiedAt }: File): number {
  return Math.trunc(modifiedAt / 1000) * 1000
}
