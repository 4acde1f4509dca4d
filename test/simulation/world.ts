import { HubClosedError, TopicEndedError, type Runtime } from '@sse-toolkit/sse-server'
import type { SeededRandom } from '@sse-toolkit/test-support'
import { createAuthority, type Authority } from './authority.ts'
import { createClientActor, type ClientActor } from './client-actor.ts'
import { createHistory, type History } from './history.ts'
import { createMemoryLogHouse, createSharedLogHouse, type LogHouse, type ProcessLog } from './log-house.ts'
import { LogUnavailableError } from './model-log.ts'
import { createNetwork, type Host, type Network } from './network.ts'
import type { Report, Violation } from './oracle.ts'
import { createServerProcess, type ServerProcess } from './server-process.ts'
import type { Session, StartRanks } from './session.ts'
import { ampleEvents, randomFor, type Settings } from './settings.ts'
import type { Trace } from './trace.ts'
import { createVirtualTime, type VirtualTime } from './virtual-time.ts'

/** What all actors of one run share. */
export interface World {
  readonly time: VirtualTime
  readonly settings: Settings
  readonly history: History
  readonly network: Network
  readonly authority: Authority
  readonly logs: LogHouse
  readonly processes: readonly ServerProcess[]
  readonly clients: readonly ClientActor[]
  readonly sessions: Set<Session>
  /** How many bytes may wait for one connection. */
  readonly limitBytes: number
  /** What every wall clock shows when the world begins. */
  readonly beganAtMs: number
  /** While it holds, things happen and go wrong. */
  isActive: boolean
  /** The first that was found: nothing after it has a meaning. */
  readonly violation: Violation | undefined
  readonly report: Report
  note(actor: string, what: string, a?: string | number, b?: string | number): void
  /** A generator for one actor. */
  randomOf(actor: string): SeededRandom
  readonly serverWallClock: () => number
  serverClockHasJumped(): boolean
  jumpServerClock(byMs: number): void
  openLog(runtime: Runtime, random: SeededRandom): ProcessLog
  /** Errors that follow from the faults, and say so. */
  isExpected(error: unknown): boolean
  /** Which process a new connection comes to. */
  readonly route: () => Host
  /** The rank at which the log's epoch begins. */
  epochRank(): number
  /** @returns false if it had begun before, in this epoch of the log. */
  jobIsBegun(topic: string): boolean
  /** In this epoch of the log; in doubt it has not. */
  jobHasBegun(topic: string): boolean
  jobHasEnded(topic: string, when?: 'in this epoch'): boolean
  /** The index of the last fact that ended one of the topics. */
  lastEndIndex(topics: readonly string[]): number
  /** Whether the log is too small, or forgets too soon, for all that is stored in it. */
  mayEvict(): boolean
  /** Whoever it is must get nothing from the process that is stored from now on, on any connection that it has asked for. */
  forbid(client: string, process: string): void
  wasForbidden(client: string): boolean
  clientGotFirstBlock(client: string, ranks: StartRanks): void
}

export function createWorld(seed: number, settings: Settings, trace: Trace): World {
  const time = createVirtualTime()
  const history = createHistory()
  const beganAtMs = Date.UTC(2026, 0)
  const randomOf = (actor: string): SeededRandom => randomFor(seed, actor)
  const routeRandom = randomOf('route')
  let serverOffsetMs = 0
  let hasJumped = false
  let violation: Violation | undefined
  const serverWallClock = (): number => beganAtMs + time.nowMs + serverOffsetMs
  const begunJobs = new Set<string>()
  const forbidden = new Set<string>()
  const logOptions = { time, random: randomOf('log'), settings, history, serverWallClock }
  const logs = settings.log === 'memory' ? createMemoryLogHouse(logOptions) : createSharedLogHouse(logOptions)
  const { highWaterMarkBytes, windowBytes } = settings
  const network = createNetwork({ time, random: randomOf('network'), trace, highWaterMarkBytes, windowBytes })
  network.weather = settings.weather
  const clientNamed = (name: string): ClientActor | undefined => clients.find((each) => each.name === name)
  const ends = (topics: readonly string[], from = 0): readonly number[] =>
    history.facts
      .slice(from)
      .filter(({ type, topic }) => type === 'stream.end' && topics.includes(topic))
      .map(({ index }) => index)

  const processes: ServerProcess[] = []
  const clients: ClientActor[] = []
  const world: World = {
    time,
    settings,
    history,
    network,
    // Some may have everything, some just what they ask for.
    authority: createAuthority(serverWallClock, (name) => clientNamed(name)?.topics ?? ['>']),
    logs,
    processes,
    clients,
    sessions: new Set(),
    limitBytes: limitBytesOf(settings),
    beganAtMs,
    isActive: true,
    get violation() {
      return violation
    },
    report(found) {
      violation ??= found
      trace.note(time.nowMs, found.actor, `VIOLATION ${found.kind}`, found.text)
    },
    note: (actor, what, a, b) => trace.note(time.nowMs, actor, what, a, b),
    randomOf,
    serverWallClock,
    serverClockHasJumped: () => hasJumped,
    jumpServerClock(byMs) {
      hasJumped = true
      serverOffsetMs += byMs
      trace.note(time.nowMs, 'servers', 'clock jumps', byMs)
    },
    openLog: (runtime, random) => logs.open(runtime, random),
    isExpected: (error) =>
      error instanceof LogUnavailableError ||
      error instanceof HubClosedError ||
      error instanceof TopicEndedError ||
      (error instanceof Error && error.message === 'the job is too hard'),
    route() {
      const up = processes.filter((each) => each.isUp)
      return up.length === 0 || routeRandom() < 0.1 ? routeRandom.pick(processes) : routeRandom.pick(up)
    },
    epochRank: () => history.rankOf(`${history.epoch}-0`) ?? 0,
    jobIsBegun(topic) {
      const job = `${history.epoch} ${topic}`
      const isFirst = !begunJobs.has(job)
      begunJobs.add(job)
      return isFirst
    },
    jobHasBegun: (topic) =>
      begunJobs.has(`${history.epoch} ${topic}`) || world.jobHasEnded(topic, 'in this epoch'),
    jobHasEnded: (topic, when) => ends([topic], when === undefined ? 0 : world.epochRank()).length > 0,
    lastEndIndex: (topics) => ends(topics).at(-1) ?? 0,
    mayEvict: () =>
      settings.maxAgeMs > 0 ||
      Math.min(settings.maxEvents, settings.maxEventsPerTopic) < ampleEvents ||
      settings.jobCount > 0,
    forbid(client, process) {
      forbidden.add(client)
      for (const session of world.sessions)
        if (session.client === client && session.process === process) session.revoke()
    },
    wasForbidden: (client) => forbidden.has(client),
    clientGotFirstBlock: (client, ranks) => clientNamed(client)?.gotFirstBlock(ranks),
  }
  for (let index = 0; index < settings.processCount; index += 1) {
    const name = `server ${index}`
    processes.push(createServerProcess(world, name, randomOf(name)))
  }
  for (let index = 0; index < settings.clientCount; index += 1) {
    const name = `client ${index}`
    clients.push(createClientActor(world, name, randomOf(name)))
  }
  return world
}

/**
 * While the output has room, less than its high-water mark waits there, and what is written at once comes on top. While it
 * has not, `maxBufferedBytes` bounds all that waits. In either case the last event may be over the limit; a policy that
 * drops keeps the newest event, whatever the output holds.
 */
function limitBytesOf(settings: Settings): number {
  const { maxBufferedBytes, highWaterMarkBytes, webBodies, eventLength, slowConsumer } = settings
  const output = webBodies ? 65_536 + highWaterMarkBytes : highWaterMarkBytes
  const greatest = (eventLength + 200) * (slowConsumer === 'disconnect' ? 1 : 2)
  return Math.max(output + Math.min(maxBufferedBytes, 65_536), maxBufferedBytes) + greatest
}
