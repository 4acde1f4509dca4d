import { HubClosedError, TopicEndedError, TopicFullError } from '@sse-toolkit/sse-server'
import type { SeededRandom } from '@sse-toolkit/test-support'
import { createAuthority } from './authority.ts'
import type { ClientActor, ServerProcess } from './actors.ts'
import { createClientActor } from './client-actor.ts'
import { createHistory } from './history.ts'
import { createFileLogHouse } from './file-log-house.ts'
import { createMemoryLogHouse, createSharedLogHouse } from './log-house.ts'
import { createNetwork } from './network.ts'
import type { Violation } from './oracle.ts'
import { createServerProcess } from './server-process.ts'
import { ampleEvents, jobTtlMs, randomFor } from './settings.ts'
import type { Settings } from './settings.ts'
import type { Trace } from './trace.ts'
import { createVirtualTime } from './virtual-time.ts'
import type { World } from './world.ts'

const createLogHouse = {
  memory: createMemoryLogHouse,
  shared: createSharedLogHouse,
  sqlite: createFileLogHouse,
}

export function createWorld(seed: number, settings: Settings, trace: Trace, directory: string): World {
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
  const cancelledJobs = new Set<string>()
  const forbidden = new Set<string>()
  const forbiddenEverywhere = new Set<string>()
  const report = (found: Violation): void => {
    violation ??= found
    trace.note(time.nowMs, found.actor, `VIOLATION ${found.kind}`, found.text)
  }
  const sources = { time, settings, history, serverWallClock, report, directory }
  const logs = createLogHouse[settings.log]({ ...sources, random: randomOf('log') })
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
    report,
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
      (error as { readonly code?: unknown }).code === 'log-unavailable' ||
      error instanceof HubClosedError ||
      error instanceof TopicEndedError ||
      error instanceof TopicFullError ||
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
    cancelJob: (topic) => void cancelledJobs.add(topic),
    jobWasCancelled: (topic) => cancelledJobs.has(topic),
    jobHasEnded: (topic, when) => ends([topic], when === undefined ? 0 : world.epochRank()).length > 0,
    jobIsHeld: (topic) =>
      begunJobs.has(`${history.epoch} ${topic}`) &&
      ends([topic]).every((index) => (history.facts[index]?.atMs ?? 0) + jobTtlMs > time.nowMs),
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
    forbidEverywhere(client) {
      forbiddenEverywhere.add(client)
      for (const { name } of processes) world.forbid(client, name)
    },
    isForbiddenEverywhere: (client) => forbiddenEverywhere.has(client),
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
 * has not, `maxBufferedBytes` bounds all that waits; under a policy that drops, what the output has not taken. In either case
 * the last event may be over the limit; a policy that drops keeps the newest event, whatever the output holds.
 */
function limitBytesOf(settings: Settings): number {
  const { maxBufferedBytes, highWaterMarkBytes, webBodies, eventLength, slowConsumer } = settings
  const greatest = eventLength + 200
  const output = (webBodies ? 65_536 : 0) + highWaterMarkBytes + Math.min(maxBufferedBytes, 65_536)
  if (slowConsumer === 'disconnect') return Math.max(output, maxBufferedBytes) + greatest
  return output + maxBufferedBytes + greatest * 2
}
