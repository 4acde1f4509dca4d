import { renameSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { SqliteLog } from '@sse-toolkit/sse-sqlite'
import type { Connection } from '../src/file/database.ts'
import { systemHost } from '../src/host.ts'
import { openSqliteLog } from '../src/sqlite-log.ts'
import { alter, append, dataOf, listenTo, useLogFiles } from './log-files.ts'

const files = useLogFiles()

function openWith(path: string, connect: (file: string) => Connection): SqliteLog {
  const log = openSqliteLog({ path }, { ...systemHost, connect })
  onTestFinished(() => log.close())
  return log
}

/** Opens a log, and calls `interrupt` once, just after the first statement whose text ends so. */
function openInterrupted(path: string, statement: string, interrupt: () => void): SqliteLog {
  let isInterrupted = false
  const connect = (file: string): Connection => {
    const database = new DatabaseSync(file)
    return {
      exec: (sql) => database.exec(sql),
      get isTransaction() {
        return database.isTransaction
      },
      prepare(sql) {
        const prepared = database.prepare(sql)
        const interrupted = <T>(result: T): T => {
          if (sql.endsWith(statement) && !isInterrupted) {
            isInterrupted = true
            interrupt()
          }
          return result
        }
        return {
          get: (...values) => interrupted(prepared.get(...values)),
          all: (...values) => interrupted(prepared.all(...values)),
          run: (...values) => interrupted(prepared.run(...values)),
        }
      },
      close: () => database.close(),
    }
  }
  return openWith(path, connect)
}

describe('a log that is being opened', () => {
  it('gets what another process commits meanwhile', async () => {
    const path = files.newPath()
    await append(files.open({ path }), 'a', '1')
    const log = openInterrupted(path, 'WHERE seq >= ? ORDER BY seq', () =>
      alter(
        path,
        `BEGIN; UPDATE meta SET seq = 2, events = 2, length = 2;
        INSERT INTO events SELECT 2, topic, at, length, event, key, '2' FROM events; COMMIT`,
      ),
    )
    const told = listenTo(log)
    expect(await dataOf(log, ['a'])).toEqual(['1', '2'])
    expect(told).toEqual(['a: 2'])
  })

  it('looks at an empty file while nobody else can create the tables in it', async () => {
    const path = files.newPath()
    let refusal: unknown
    const log = openInterrupted(path, 'PRAGMA application_id', () => {
      try {
        alter(path, 'CREATE TABLE meta (epoch TEXT)')
      } catch (error) {
        refusal = error
      }
    })
    expect(refusal).toMatchObject({ message: 'database is locked' })
    await append(log, 'a', '1')
    expect(await dataOf(log, ['a'])).toEqual(['1'])
  })

  it.each(['before it is there', 'before the connection', 'after the connection', 'while it is prepared'])(
    'is in the file that the path leads to, if the one of before is moved away %s',
    async (when) => {
      const path = files.newPath()
      const before = when === 'before it is there' ? undefined : files.open({ path })
      await before?.close()
      let isMoved = false
      const move = (): void => {
        if (isMoved) return
        isMoved = true
        renameSync(path, `${path}.away`)
      }
      const log =
        when === 'while it is prepared'
          ? openInterrupted(path, 'PRAGMA journal_mode = WAL', move)
          : openWith(path, (file) => {
              if (when === 'before the connection') move()
              const connection = new DatabaseSync(file)
              if (when !== 'before the connection') move()
              return connection
            })
      await append(log, 'a', '1')
      expect(await dataOf(files.open({ path }), ['a'])).toEqual(['1'])
    },
  )
})
