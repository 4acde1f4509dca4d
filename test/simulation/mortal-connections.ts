import { DatabaseSync } from 'node:sqlite'
import type { Connection } from '../../packages/sse-sqlite/src/file/database.ts'

/** Ends what the process was doing: it is no more. */
export class ProcessDiedError extends Error {
  override readonly name = 'ProcessDiedError'
}

/** When a process dies: before a statement, or when SQLite has carried it out and nobody has heard of it. */
export interface Death {
  /** Counted from now on, 1 is the next; or the next one that commits what it has written. */
  readonly statement: number | 'commit'
  readonly isDone: boolean
}

/** The connections of one process, which die with it at any of their statements. */
export interface MortalConnections {
  readonly isDead: boolean
  connect(path: string): Connection
  /** @param onDeath - Called in the midst of the statement. Afterwards nothing of the process may run. */
  dieAt(death: Death | undefined, onDeath?: () => void): void
  /** What was not committed is gone. */
  die(): void
}

/** @param committed - Called when a transaction that may have written is over, before its process does anything else. */
export function openMortalConnections(committed: () => void): MortalConnections {
  const open = new Set<DatabaseSync>()
  let isDead = false
  let statementsLeft = Number.POSITIVE_INFINITY
  let isAwaitingCommit = false
  let isWriting = false
  let isDone = false
  let onDeath = (): void => {}

  function die(): void {
    isDead = true
    for (const database of open) database.close()
    open.clear()
  }

  function dieNow(): never {
    onDeath()
    die()
    throw new ProcessDiedError('The process died at a statement')
  }

  function step<T>(carryOut: () => T, sql = ''): T {
    if (isDead) throw new ProcessDiedError('The process is dead')
    statementsLeft -= 1
    const isLast = statementsLeft === 0 || (isAwaitingCommit && isWriting && sql === 'COMMIT')
    if (isLast && !isDone) dieNow()
    const result = carryOut()
    if (sql.startsWith('BEGIN')) isWriting = sql === 'BEGIN IMMEDIATE'
    if (sql === 'COMMIT' && isWriting) committed()
    if (isLast) dieNow()
    return result
  }

  return {
    get isDead() {
      return isDead
    },
    connect(path) {
      const database = new DatabaseSync(path)
      open.add(database)
      return {
        exec: (sql) => step(() => database.exec(sql)),
        get isTransaction() {
          return !isDead && database.isTransaction
        },
        prepare(sql) {
          const statement = database.prepare(sql)
          return {
            get: (...values) => step(() => statement.get(...values)),
            all: (...values) => step(() => statement.all(...values)),
            run: (...values) => step(() => statement.run(...values), sql),
          }
        },
        close() {
          if (open.delete(database)) database.close()
        },
      }
    },
    dieAt(death, whenDead = () => {}) {
      isAwaitingCommit = death?.statement === 'commit'
      statementsLeft = typeof death?.statement === 'number' ? death.statement : Number.POSITIVE_INFINITY
      isDone = death?.isDone ?? false
      onDeath = whenDead
    },
    die,
  }
}
