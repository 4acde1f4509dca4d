import { DatabaseSync } from 'node:sqlite'
import { expect, it } from 'vitest'
import type { Connection } from '../src/file/database.ts'
import { systemHost } from '../src/host.ts'
import { openSqliteLog } from '../src/sqlite-log.ts'
import { alter, append, dataOf, listenTo, useLogFiles } from './log-files.ts'

const files = useLogFiles()

it('a log gets what another process commits while it is being opened', async () => {
  const path = files.newPath()
  await append(files.open({ path }), 'a', '1')
  let isCommitted = false
  // Another process, just after the newest events were read.
  const connect = (file: string): Connection => {
    const database = new DatabaseSync(file)
    return {
      exec: (sql) => database.exec(sql),
      get isTransaction() {
        return database.isTransaction
      },
      prepare(sql) {
        const statement = database.prepare(sql)
        return {
          get: (...values) => statement.get(...values),
          run: (...values) => statement.run(...values),
          all(...values) {
            const rows = statement.all(...values)
            if (sql.endsWith('WHERE seq >= ? ORDER BY seq') && !isCommitted) {
              isCommitted = true
              alter(
                path,
                `BEGIN; UPDATE meta SET seq = 2, events = 2, length = 2;
                INSERT INTO events SELECT 2, topic, at, length, event, key, '2' FROM events; COMMIT`,
              )
            }
            return rows
          },
        }
      },
      close: () => database.close(),
    }
  }
  const log = openSqliteLog({ path }, { ...systemHost, connect })
  const told = listenTo(log)
  expect(await dataOf(log, ['a'])).toEqual(['1', '2'])
  expect(told).toEqual(['a: 2'])
  await log.close()
})
