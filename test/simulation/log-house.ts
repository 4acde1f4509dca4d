import { memoryLog } from '@sse-toolkit/sse-server'
import type { EventLog, LogEntry, Runtime, TopicState } from '@sse-toolkit/sse-server'
import type { SeededRandom } from '@sse-toolkit/test-support'
import type { History } from './history.ts'
import { isJobStep } from './job-steps.ts'
import { openModelLog } from './model-log.ts'
import type { LogFaults, ModelLog } from './model-log.ts'
import { ModelLogServer } from './model-log-server.ts'
import type { Report } from './oracle.ts'
import type { Settings } from './settings.ts'
import type { Death } from './mortal-connections.ts'
import { createActorTimers } from './timers.ts'
import type { VirtualTime } from './virtual-time.ts'

/** What a process has of a log. */
export interface ProcessLog extends EventLog {
  /** The process dies: nothing reaches it any more. */
  abandon(): void
  /**
   * The process dies in the midst of one of the statements that its log carries out; undefined if its log carries out none.
   *
   * @param die - Called then: the process is to end.
   */
  readonly dieAtStatement?: (death: Death, die: () => void) => void
}

/** Where events are kept in one run, and how it fails. */
export interface LogHouse {
  open(runtime: Runtime, random: SeededRandom): ProcessLog
  /** All that it holds is lost. */
  restart(): void
  /** No process reaches it. */
  breakConnections(): void
  mendConnections(): void
  /** No more faults. */
  heal(): void
  /** @returns how many of its timers are left. */
  close(): Promise<number>
  /** The run is over, however it went: nothing of it stays on the machine. */
  discard(): void
}

export interface LogHouseOptions {
  readonly time: VirtualTime
  readonly random: SeededRandom
  readonly settings: Settings
  readonly history: History
  readonly serverWallClock: () => number
  readonly report: Report
  /** Where files may be. */
  readonly directory: string
}

/** The real log of one process, which all hubs of the run share. */
export function createMemoryLogHouse({
  time,
  random,
  settings,
  history,
  serverWallClock,
}: LogHouseOptions): LogHouse {
  const timers = createActorTimers(time, 'log')
  let log = begin()

  function begin(): EventLog {
    const { maxEvents, maxEventsPerTopic, maxAgeMs } = settings
    const runtime: Runtime = {
      now: () => time.nowMs,
      wallClock: serverWallClock,
      setTimeout: timers.setTimeout,
      clearTimeout: timers.clearTimeout,
      endOfTurn: timers.endOfTurn,
      random,
    }
    const fresh = memoryLog({ maxEvents, maxEventsPerTopic, maxAgeMs, runtime })
    void fresh.head().then(({ epoch }) => history.begin(epoch))
    // The first listener, so that every event is on record before any other listener gets it.
    fresh.tail({
      appended: (entry) => history.store(entry, time.nowMs, serverWallClock()),
      cancelled: () => {},
      restarted: () => {},
      skipped: () => {},
      abandoned: () => {},
    })
    return fresh
  }

  return {
    open: () => fence(log),
    restart() {
      void log.close()
      log = begin()
    },
    breakConnections() {},
    mendConnections() {},
    heal() {},
    async close() {
      await log.close()
      return timers.pending
    },
    discard() {},
  }
}

/** A log that notifies a process no more once the process is dead. */
export function fence(log: EventLog): ProcessLog {
  let isDead = false
  let stops: (() => void)[] = []
  // What a dead process waits for never comes.
  const guard = async <T>(promise: Promise<T>): Promise<T> => {
    try {
      return await promise
    } finally {
      if (isDead) await new Promise<never>(() => {})
    }
  }
  return {
    append: (...args) => guard(log.append(...args)),
    claim: (topic) => guard(log.claim(topic)),
    appendBatch: (...args) => guard(log.appendBatch(...args)),
    end: (...args) => guard(log.end(...args)),
    control: (...args) => guard(log.control(...args)),
    controls: (prefix) => guard(log.controls(prefix)),
    cancel: (topic) => guard(log.cancel(topic)),
    status: (topic) => guard(log.status(topic)),
    read: (patterns, after, limit) => guard(log.read(patterns, after, limit)),
    head: () => guard(log.head()),
    tail(listener) {
      const stop = log.tail(listener)
      stops.push(stop)
      return stop
    },
    // The log is the house's to close.
    async close() {},
    abandon() {
      isDead = true
      for (const stop of stops) stop()
      stops = []
    },
  }
}

/** The model of a log that processes reach over connections. */
export function createSharedLogHouse({
  time,
  random,
  settings,
  history,
  serverWallClock,
  report,
}: LogHouseOptions): LogHouse {
  const faults: LogFaults = {
    lostNotification: settings.lostNotification,
    lostAnswer: settings.lostAnswer,
    slow: settings.slowLog,
    maxLatencyMs: 15,
  }
  const connections = new Set<ModelLog>()
  let epochCount = 0
  const server = new ModelLogServer({
    time,
    maxEvents: settings.maxEvents,
    maxEventsPerTopic: settings.maxEventsPerTopic,
    createEpoch: () => `e${(epochCount += 1)}x${random.integer(0, 999)}`,
    onEpoch: (epoch) => history.begin(epoch),
    onStored(entry: LogEntry, state: TopicState) {
      history.store(entry, time.nowMs, serverWallClock())
      if (isJobStep(entry.data) && state !== 'running')
        report({
          kind: 'ran-unclaimed',
          actor: entry.topic,
          text: `${entry.data} is stored, and nobody runs it`,
        })
    },
  })
  let isBroken = false

  return {
    open(runtime, processRandom) {
      const log = openModelLog({ server, runtime, random: processRandom, faults, probeIntervalMs: 2000 })
      connections.add(log)
      if (isBroken) log.disconnect()
      return {
        ...log,
        async close() {
          connections.delete(log)
          await log.close()
        },
        abandon() {
          connections.delete(log)
          log.disconnect()
        },
      }
    },
    restart: () => server.restart(),
    breakConnections() {
      isBroken = true
      for (const log of connections) log.disconnect()
    },
    mendConnections() {
      isBroken = false
      for (const log of connections) log.connect()
    },
    heal() {
      faults.lostNotification = 0
      faults.lostAnswer = 0
      faults.slow = 0
      this.mendConnections()
    },
    close: () => Promise.resolve(0),
    discard() {},
  }
}
