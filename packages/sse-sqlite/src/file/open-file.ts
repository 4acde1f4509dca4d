import { dirname } from 'node:path'
import { LogFileError } from '../errors/log-file-error.ts'
import { Database } from './database.ts'
import type { Connection, Query } from './database.ts'
import { fileAt } from './file-identity.ts'
import { checkFileSystem } from './file-system.ts'
import { applicationId, schema, schemaVersion } from './schema.ts'
import { corruptFile, failureOf } from './sqlite-failure.ts'

const readApplicationId = 'PRAGMA application_id' as Query<{ application_id: number }>
const readVersion = 'PRAGMA user_version' as Query<{ user_version: number }>
const countTables = 'SELECT count(*) AS tables FROM sqlite_schema' as Query<{ tables: number }>
const quickCheck = 'PRAGMA quick_check(1)' as Query<{ quick_check: string }>

const readPageSize = 'PRAGMA page_size' as Query<{ page_size: number }>

// The most that SQLite has.
const maxPages = 4_294_967_294

/** The file of a log, open. */
export interface OpenFile {
  readonly database: Database
  readonly identity: string
  /** Whether the path still leads to the file that was opened. */
  isInPlace(): boolean
}

// How long the opening waits for other processes. It is the only time that this process stands still for them.
const openingTimeoutMs = 5000

// A file that does not exist yet takes two.
const maxAttempts = 10

export interface OpenFileOptions {
  readonly path: string
  readonly maxFileBytes: number
  readonly connect: (path: string) => Connection
  readonly warn: (error: LogFileError) => void
}

/**
 * Opens the file, or creates it.
 *
 * @throws {@link LogFileError}
 */
export function openFile(options: OpenFileOptions): OpenFile {
  const { path, warn } = options
  try {
    checkFileSystem(path, dirname(path), warn)
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      const file = tryToOpen(options)
      if (file !== undefined) return file
    }
  } catch (error) {
    throw failureOf(error, path, 'open the log')
  }
  throw new LogFileError('cannot-open', path, 'the file is moved away again and again.')
}

/**
 * @returns undefined if the file was created, moved or replaced in the meantime. The connection may then lead to another file
 *   than the path does.
 */
function tryToOpen({ path, maxFileBytes, connect }: OpenFileOptions): OpenFile | undefined {
  const identity = fileAt(path)
  const database = new Database(connect(path))
  try {
    if (identity !== '' && fileAt(path) === identity) {
      prepare(database, path)
      limitSize(database, maxFileBytes)
      const wal = fileAt(walOf(path))
      const isInPlace = (): boolean => fileAt(path) === identity && fileAt(walOf(path)) === wal
      if (isInPlace()) return { database, identity, isInPlace }
    }
  } catch (error) {
    if (fileAt(path) === identity) {
      database.close()
      throw error
    }
  }
  database.close()
  return undefined
}

export function walOf(path: string): string {
  return `${path}-wal`
}

function prepare(database: Database, path: string): void {
  database.execute(`PRAGMA busy_timeout = ${openingTimeoutMs}`)
  // Before anything is written to it.
  const isEmpty = database.reading(() => checkVersion(database, path))
  // Only an empty file takes it; what is trimmed can then be given back to the file system.
  if (isEmpty) database.execute('PRAGMA auto_vacuum = INCREMENTAL')
  database.get('PRAGMA journal_mode = WAL')
  // Without a limit of its size the write-ahead log would stay as large as it ever was, and its size say nothing.
  database.execute(`
    PRAGMA synchronous = NORMAL;
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA journal_size_limit = 0;
    PRAGMA temp_store = MEMORY;
  `)
  createTables(database, path)
  checkPages(database, path)
}

/** @returns whether the file is empty. Call it in a transaction, because another process may be creating the tables. */
function checkVersion(database: Database, path: string): boolean {
  const application = database.get(readApplicationId)?.application_id
  const version = database.get(readVersion)?.user_version
  const tables = database.get(countTables)?.tables
  if (tables === 0) return true
  if (application === applicationId && version === schemaVersion) return false
  const found = application === applicationId ? `version ${version}` : 'the database of another program'
  throw new LogFileError(
    'other-version',
    path,
    `expected a log of version ${schemaVersion}, got ${found}. Give the log another path, or move the file away.`,
  )
}

/** Opening is over: from now on a lock is waited for by a timer. A turn that waited would stop everything else. */
export function stopWaiting(database: Database): void {
  database.execute('PRAGMA busy_timeout = 0')
}

/** Two processes may open an empty file at once: the second one waits, and finds the tables. */
function createTables(database: Database, path: string): void {
  database.run('BEGIN IMMEDIATE')
  if (checkVersion(database, path)) {
    database.execute(schema)
    database.execute(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${schemaVersion}`)
  }
  database.run('COMMIT')
}

function limitSize(database: Database, maxFileBytes: number): void {
  const pageSize = database.get(readPageSize)?.page_size ?? 1
  const pages = Math.min(maxPages, Math.floor(maxFileBytes / pageSize))
  database.all(`PRAGMA max_page_count = ${pages}`)
}

/** A damaged page shows only when it is read, which may be in a month. */
function checkPages(database: Database, path: string): void {
  const found = database.all(quickCheck)
  const [first] = found
  if (first?.quick_check !== 'ok') throw corruptFile(path, first?.quick_check)
}
