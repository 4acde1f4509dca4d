type Value = string | number | null

/** An SQL text, and what its rows are. */
export type Query<Row> = string & { readonly row?: Row }

/** What the log uses of a prepared statement. */
interface Statement {
  get(...values: readonly Value[]): unknown
  all(...values: readonly Value[]): readonly unknown[]
  run(...values: readonly Value[]): { readonly changes: number | bigint }
}

/** What the log uses of a connection to the file. */
export interface Connection {
  readonly isTransaction: boolean
  exec(sql: string): void
  prepare(sql: string): Statement
  close(): void
}

const dataVersion = 'PRAGMA data_version' as Query<{ readonly data_version: number }>

/**
 * One connection to the file. Each SQL text is prepared once.
 *
 * Rows are always taken whole: a statement that is not finished is an open reader, and keeps the write-ahead log from being
 * reset.
 */
export class Database {
  readonly #connection: Connection
  readonly #statements = new Map<string, Statement>()

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Runs statements that return nothing. */
  execute(sql: string): void {
    this.#connection.exec(sql)
  }

  /** The first row. */
  get<Row>(sql: Query<Row>, ...values: readonly Value[]): Row | undefined {
    return this.#prepared(sql).get(...values) as Row | undefined
  }

  all<Row>(sql: Query<Row>, ...values: readonly Value[]): readonly Row[] {
    return this.#prepared(sql).all(...values) as readonly Row[]
  }

  /** @returns how many rows were changed. */
  run(sql: string, ...values: readonly Value[]): number {
    return Number(this.#prepared(sql).run(...values).changes)
  }

  /** A number that is another one once another connection has committed. */
  version(): number {
    return this.get(dataVersion)?.data_version ?? 0
  }

  /** Several reads of one state of the file. */
  reading<T>(read: () => T): T {
    this.run('BEGIN')
    try {
      const found = read()
      this.run('COMMIT')
      return found
    } catch (error) {
      this.rollBack()
      throw error
    }
  }

  rollBack(): void {
    // After some errors SQLite has rolled back by itself.
    if (this.#connection.isTransaction) this.run('ROLLBACK')
  }

  close(): void {
    this.#statements.clear()
    this.#connection.close()
  }

  #prepared(sql: string): Statement {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#connection.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }
}
