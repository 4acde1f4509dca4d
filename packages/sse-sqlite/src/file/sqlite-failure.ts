import { LogFileError } from '../errors/log-file-error.ts'
import { LogFullError } from '../errors/log-full-error.ts'
import { LogUnavailableError } from '../errors/log-unavailable-error.ts'

// Primary result codes, https://www.sqlite.org/rescode.html. The higher bytes of a code say more about it.
const primaryCode = 0xff
const busy = 5
const locked = 6
const corrupt = 11
const full = 13
const cannotOpen = 14
const notADatabase = 26

/** The primary result code of an SQLite error; undefined for any other error. */
function codeOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  // Node and Deno call it `errcode`, Bun `errno`.
  const { errcode, errno } = error as { readonly errcode?: unknown; readonly errno?: unknown }
  const code = typeof errcode === 'number' ? errcode : errno
  return typeof code === 'number' && code > 0 ? code & primaryCode : undefined
}

export function isDatabaseError(error: unknown): boolean {
  return codeOf(error) !== undefined
}

/** Whether another connection is in the way: it works when it is tried again. */
export function isBusy(error: unknown): boolean {
  const code = codeOf(error)
  return code === busy || code === locked
}

/** Whether the file is damaged, or is not a database at all. */
function isCorrupt(error: unknown): boolean {
  const code = codeOf(error)
  return code === corrupt || code === notADatabase
}

/** What a caller gets for an error of SQLite. Errors of this package stay as they are. */
export function failureOf(error: unknown, path: string, operation: string): unknown {
  if (isSystemError(error)) {
    return new LogFileError('cannot-open', path, `${error.message}.`, { cause: error })
  }
  const code = codeOf(error)
  if (code === undefined) return error
  if (code === full) return new LogFullError(path, { cause: error })
  if (isCorrupt(error)) return corruptFile(path, error)
  if (code === cannotOpen) {
    return new LogFileError('cannot-open', path, 'the file cannot be opened.', { cause: error })
  }
  const fact = isBusy(error) ? 'another process keeps the file locked.' : String(error)
  return new LogUnavailableError('log-unavailable', operation, fact, { cause: error })
}

/** Whether it is one of the operating system's, such as EACCES. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error
}

export function corruptFile(path: string, cause: unknown): LogFileError {
  return new LogFileError(
    'corrupt',
    path,
    'the file is damaged. Restore a backup, or move the file away with its -wal and -shm: the log then starts empty, and readers get a gap.',
    { cause },
  )
}
