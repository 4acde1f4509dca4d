import type { Database, Query } from '../file/database.ts'
import type { LogFile } from '../file/log-file.ts'
import type { LogState } from '../file/log-state.ts'
import type { Follower } from '../follow/follower.ts'
import type { Settings } from '../options.ts'
import { forgetControl } from '../write/controls.ts'
import { expireOverdue, overdueTopics } from '../write/finite-topics.ts'
import { beat, ownersOtherThan, removeOwner, takeOver } from '../write/owners.ts'
import type { Owner } from '../write/owners.ts'
import { forgetSilentProducer } from '../write/producers.ts'
import { oldestTime } from '../write/retention.ts'
import type { Transaction } from '../write/transaction.ts'
import type { WriteQueue } from '../write/write-queue.ts'
import type { FailureReporter } from './failure-reporter.ts'
import type { Leases } from './leases.ts'

// How many topics, entries and producers one round sees to.
const stepsPerRound = 100
// How much of the file is given back to the file system in one round, in pages. No more, since it stops the event loop.
const pagesPerRound = 200
// Beyond so many free pages: they are used again, and the file should not shrink and grow all the time.
const maxFreePages = 2560

const countFreePages = 'PRAGMA freelist_count' as Query<{ readonly freelist_count: number }>

interface Next {
  readonly time: number | null
}

const nextControl = 'SELECT min(due) AS time FROM controls' as Query<Next>
const nextProducer = 'SELECT min(usedAt) AS time FROM producers' as Query<Next>

export interface MaintenanceOptions {
  readonly settings: Settings
  readonly owner: string
  readonly file: LogFile
  readonly queue: WriteQueue
  readonly follower: Follower
  readonly leases: Leases
  readonly failures: FailureReporter
  /** Looks at the file, and at the files next to it. */
  readonly look: () => void
}

interface Round {
  readonly isAlive: boolean
  readonly abandoned: readonly string[]
}

/** What a process does at every `syncIntervalMs`. A round that finds nothing to do writes nothing. */
export class Maintenance {
  readonly #options: MaintenanceOptions
  #timer: unknown = undefined
  #isStopped = false

  constructor(options: MaintenanceOptions) {
    this.#options = options
  }

  start(): void {
    const { runtime, syncIntervalMs } = this.#options.settings
    // The processes of a hub should not all run at the same time.
    const delayMs = syncIntervalMs * (0.9 + 0.2 * runtime.random())
    this.#timer = runtime.setTimeout(() => void this.#run(), delayMs)
  }

  stop(): void {
    this.#isStopped = true
    this.#options.settings.runtime.clearTimeout(this.#timer)
  }

  async #run(): Promise<void> {
    const { failures } = this.#options
    try {
      this.#options.look()
      await this.#round()
      failures.clear()
    } catch (error) {
      if (!this.#isStopped) failures.report(error)
    }
    if (!this.#isStopped) this.start()
  }

  async #round(): Promise<void> {
    const { file, follower, leases, owner, queue } = this.#options
    const state = file.state()
    const gone = follower.isFollowed ? leases.observe(ownersOtherThan(file.database, owner)) : []
    if (leases.isEmpty && gone.length === 0 && !this.#isDue(file.database, state)) return
    const { isAlive, abandoned } = await queue.run({
      operation: 'maintain the log',
      events: 0,
      bytes: 0,
      isDurable: false,
      apply: (transaction) => this.#apply(transaction, gone),
    })
    for (const topic of abandoned) {
      leases.keep(topic)
      follower.abandoned(topic)
    }
    // The writing may have gone to another file: the connection of before is closed then.
    if (!isAlive) for (const topic of leases.check(file.database)) follower.cancelled(topic)
  }

  /** Whether anything is over. */
  #isDue(database: Database, state: LogState): boolean {
    const { maxAgeMs, producerTtlMs } = this.#options.settings
    const now = this.#options.file.now()
    const isOld = maxAgeMs > 0 && state.events > 0 && oldestTime(database, state, now) <= now - maxAgeMs
    if (isOld || state.unswept > 0 || freePages(database) > maxFreePages) return true
    if (state.finite > state.expired && overdueTopics(database, now, 1).length > 0) return true
    if (state.controls > 0 && dueTime(database, nextControl) <= now) return true
    return state.producers > 0 && dueTime(database, nextProducer) <= now - producerTtlMs
  }

  #apply(transaction: Transaction, gone: readonly Owner[]): Round {
    const { leases, owner } = this.#options
    const { database } = transaction
    const isAlive = leases.isEmpty || beat(transaction)
    if (leases.isEmpty) removeOwner(database, owner)
    const abandoned = this.#takeOver(transaction, gone)
    expireOverdue(transaction, stepsPerRound)
    for (let step = 0; step < stepsPerRound && forgetControl(transaction);) step += 1
    for (let step = 0; step < stepsPerRound && forgetSilentProducer(transaction);) step += 1
    if (freePages(database) > maxFreePages) database.all(`PRAGMA incremental_vacuum(${pagesPerRound})`)
    return { isAlive, abandoned }
  }

  #takeOver(transaction: Transaction, gone: readonly Owner[]): readonly string[] {
    if (gone.length === 0) return []
    const owners = ownersOtherThan(transaction.database, this.#options.owner)
    // Another process may have taken over in the meantime, or the silent one goes on.
    const stillGone = gone.filter(({ id, beat: last }) =>
      owners.some((each) => each.id === id && each.beat === last),
    )
    return stillGone.flatMap(({ id }) => takeOver(transaction, id, stepsPerRound))
  }
}

function freePages(database: Database): number {
  return database.get(countFreePages)?.freelist_count ?? 0
}

function dueTime(database: Database, query: Query<Next>): number {
  return database.get(query)?.time ?? Number.POSITIVE_INFINITY
}
