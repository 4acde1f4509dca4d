import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Runtime, TopicState } from '@sse-toolkit/sse-server'
import { Bell } from '../../packages/sse-sqlite/src/follow/bell.ts'
import type { LogBell } from '../../packages/sse-sqlite/src/follow/bell.ts'
import type { LogHost } from '../../packages/sse-sqlite/src/host.ts'
import { openSqliteLog } from '../../packages/sse-sqlite/src/sqlite-log.ts'
import { isJobStep } from './job-steps.ts'
import { fence } from './log-house.ts'
import type { LogHouse, LogHouseOptions, ProcessLog } from './log-house.ts'
import { openMortalConnections } from './mortal-connections.ts'
import type { MortalConnections } from './mortal-connections.ts'
import { createActorTimers } from './timers.ts'
import type { ActorTimers } from './timers.ts'

const leaseMs = 4000
const commandTimeoutMs = 2000
// How long a notification of the file system takes, at most.
const mostRingMs = 5
// The chance that somebody writes the write-ahead log to the file after a commit. Real logs are larger before they do.
const checkpointChance = 0.05
// The chance that a process dies while it opens its log, in runs in which processes die at statements.
const deathInOpening = 0.1
const mostStatementsInOpening = 60

interface Resident {
  readonly connections: MortalConnections
  readonly timers: ActorTimers
  readonly bells: Set<HouseBell>
}

/** A real bell, whose rings arrive in virtual time. */
interface HouseBell {
  readonly real: Bell
  /** Which file it is: whoever has another one under the same path hears nothing. */
  place: number
  hear: () => void
}

/** What the file says, by a connection of the judge's own. */
interface Observer {
  readonly database: DatabaseSync
  /** Takes down what was committed. */
  observe(): void
}

/**
 * The real log in a file, one for each process. Real are the file, SQLite, its locks and its write-ahead log; time is not.
 *
 *     process --> sqliteLog --> mortal connection --> SQLite --> the file <-- observer --> history
 *                      \-- bell --> ring, later or never --> the other processes' bells
 *
 * The observer's connection stays open: nobody who closes one is the last, so that SQLite does not tidy up after those who die.
 */
export function createFileLogHouse({
  time,
  random,
  settings,
  history,
  serverWallClock,
  report,
  directory: parent,
}: LogHouseOptions): LogHouse {
  const directory = mkdtempSync(join(parent, 'run-'))
  const path = join(directory, 'log.db')
  const residents = new Set<Resident>()
  const isDeadly = settings.every['crash-at-statement'] !== Number.POSITIVE_INFINITY
  const beganAtMs = serverWallClock()
  let { lostNotification } = settings
  let isHealed = false
  let observer: Observer | undefined
  let locker: DatabaseSync | undefined
  // The file is another one: the next commit begins an epoch.
  let isLost = true
  let bellPlace = 0
  let timersLeft = 0

  function openObserver(): Observer {
    const database = new DatabaseSync(path)
    const version = database.prepare('PRAGMA data_version')
    const meta = database.prepare('SELECT epoch, base, seq FROM meta')
    const stored = database.prepare(
      'SELECT seq, topic, event, key, data FROM events WHERE seq > ? ORDER BY seq',
    )
    const finite = database.prepare('SELECT state, endSeq FROM finite WHERE topic = ?')
    let seen = 0
    let epoch = ''
    let last = 0

    function checkJob(topic: string, data: string, seq: number): void {
      const row = finite.get(topic) as { state: TopicState; endSeq: number | null } | undefined
      // It may have ended in the same transaction.
      if (row?.state === 'running' || (row?.endSeq ?? 0) > seq) return
      report({ kind: 'ran-unclaimed', actor: topic, text: `${data} is stored, and nobody runs it` })
    }

    return {
      database,
      observe() {
        const { data_version } = version.get() as { data_version: number }
        if (data_version === seen) return
        seen = data_version
        const state = meta.get() as { epoch: string; base: number; seq: number } | undefined
        if (state === undefined) return
        if (state.epoch !== epoch) {
          if (!isLost)
            report({
              kind: 'epoch-lost',
              actor: 'log',
              text: `${state.epoch} follows ${epoch}, and nothing was lost`,
            })
          isLost = false
          ;({ epoch } = state)
          last = state.base
          history.begin(epoch)
        }
        for (const row of stored.all(last) as unknown as readonly StoredRow[]) {
          const { seq, topic, event, key, data } = row
          last = seq
          const entry = {
            topic,
            event: event ?? undefined,
            key: key ?? undefined,
            data,
            position: { epoch, seq },
          }
          history.store(entry, time.nowMs, serverWallClock())
          if (isJobStep(data)) checkJob(topic, data, seq)
        }
      },
    }
  }

  /** Between the commit and all that follows it: nobody hears of anything before it is on record. */
  function committed(): void {
    // Into a file that was deleted: that is not stored.
    if (observer === undefined && !existsSync(path)) return
    observer ??= openObserver()
    observer.observe()
    if (!isHealed && random() < checkpointChance) {
      const mode = random.pick(['PASSIVE', 'RESTART', 'TRUNCATE'])
      time.after(random() * 20, () => observer?.database.exec(`PRAGMA wal_checkpoint(${mode})`))
    }
  }

  function ring(from: HouseBell): void {
    for (const { bells } of residents)
      for (const bell of bells)
        if (bell.place === from.place && random() >= lostNotification)
          time.after(random() * mostRingMs, () => {
            // A watch that was closed tells nothing.
            if (bells.has(bell)) bell.hear()
          })
  }

  function hostOf(resident: Resident): LogHost {
    return {
      connect(file) {
        // An opening waits for locks in real time; this is the end of its wait.
        unlock()
        return resident.connections.connect(file)
      },
      openBell(bellPath): LogBell {
        // What the file system would say, `ring` says.
        const real = new Bell(bellPath, () => ({ close() {} }))
        const bell: HouseBell = { real, place: bellPlace, hear: () => {} }
        resident.bells.add(bell)
        return {
          get witness() {
            return real.witness
          },
          watch: (onRing) => (bell.hear = onRing),
          ring(epoch, seq) {
            real.ring(epoch, seq)
            ring(bell)
          },
          checkPlace() {
            real.checkPlace()
            bell.place = bellPlace
          },
          close: () => closeBell(resident, bell),
        }
      },
      startCheckpointThread: (_, { finished }) => ({
        begin: () =>
          void resident.timers.setTimeout(() => {
            observer?.database.exec('PRAGMA wal_checkpoint(PASSIVE)')
            finished({ isWhole: true })
          }, random() * 50),
        stop: () => Promise.resolve(),
      }),
    }
  }

  function closeBell({ bells }: Resident, bell: HouseBell): void {
    if (bells.delete(bell)) bell.real.close()
  }

  /** As the operating system does for a process that is gone. */
  function release(resident: Resident): void {
    resident.connections.die()
    resident.timers.revoke()
    for (const bell of resident.bells) closeBell(resident, bell)
    residents.delete(resident)
  }

  function unlock(): void {
    locker?.close()
    locker = undefined
  }

  function open(runtime: Runtime): ProcessLog {
    const timers = createActorTimers(time, 'log')
    const resident: Resident = { connections: openMortalConnections(committed), timers, bells: new Set() }
    residents.add(resident)
    const { connections } = resident
    if (isDeadly && !isHealed && random() < deathInOpening)
      connections.dieAt({ statement: random.integer(1, mostStatementsInOpening), isDone: random() < 0.5 })
    try {
      const log = openSqliteLog(
        {
          path,
          maxEvents: settings.maxEvents,
          maxAgeMs: settings.maxAgeMs,
          synchronous: random.pick(['normal', 'full']),
          maxCachedBytes: random.pick([0, 1000, 33_554_432]),
          leaseMs,
          commandTimeoutMs,
          // A jump of the machine's clock counts as time that has passed, when a process starts: the judge would have to know.
          runtime: { ...runtime, wallClock: () => beganAtMs + time.nowMs, ...timers },
          onError(error) {
            if (!connections.isDead && !isTold(error))
              report({ kind: 'unexpected-error', actor: 'log', text: String(error) })
          },
        },
        hostOf(resident),
      )
      connections.dieAt(undefined)
      const fenced = fence(log)
      return {
        ...fenced,
        async close() {
          await log.close()
          if (connections.isDead) await new Promise<never>(() => {})
          timersLeft += timers.pending
          release(resident)
        },
        abandon() {
          fenced.abandon()
          release(resident)
        },
        dieAtStatement: (death, die) => connections.dieAt(death, die),
      }
    } catch (error) {
      release(resident)
      throw error
    }
  }

  return {
    open,
    restart() {
      isLost = true
      unlock()
      observer?.database.close()
      observer = undefined
      for (const ending of ['', '-wal', '-shm']) rmSync(`${path}${ending}`, { force: true })
      if (random() < 0.3) {
        bellPlace += 1
        rmSync(`${path}-bell`, { force: true })
      }
    },
    // Another program writes to the file, and does not come to its end.
    breakConnections() {
      if (observer === undefined || locker !== undefined) return
      locker = new DatabaseSync(path)
      locker.exec('BEGIN IMMEDIATE')
    },
    mendConnections: unlock,
    heal() {
      isHealed = true
      lostNotification = 0
      unlock()
      for (const { connections } of residents) connections.dieAt(undefined)
    },
    close: () => Promise.resolve(timersLeft),
    discard() {
      unlock()
      for (const resident of residents) release(resident)
      observer?.database.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

interface StoredRow {
  readonly seq: number
  readonly topic: string
  readonly event: string | null
  readonly key: string | null
  readonly data: string
}

/** What follows from the faults: the file was replaced, or locked for long. */
function isTold(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown }
  return code === 'replaced' || code === 'log-unavailable'
}
