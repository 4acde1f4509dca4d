import { startEvents, startRest } from './events.ts'
import type { Violation } from './oracle.ts'
import type { ServerProcess } from './actors.ts'
import { drawSettings } from './settings.ts'
import type { Reduction, Settings } from './settings.ts'
import { filesDirectory } from './files-directory.ts'
import { createTrace } from './trace.ts'
import type { TraceLine } from './trace.ts'
import { createWorld } from './create-world.ts'
import type { World } from './world.ts'

export interface Outcome {
  readonly seed: number
  /** The first; undefined if all held. */
  readonly violation: Violation | undefined
  /** A hash of the whole run: the same for the same seed. */
  readonly hash: number
  readonly settings: Settings
  readonly lines: readonly TraceLine[]
  readonly counts: {
    readonly virtualMs: number
    readonly stored: number
    readonly connections: number
    readonly bytes: number
    readonly notes: number
  }
}

export interface RunOptions {
  readonly reduction?: Reduction
  /** How many of the last lines of the trace are kept. Default 0. */
  readonly traceLines?: number
  /** Where the run may have files, which it removes. */
  readonly directory?: string
}

// By then every client must have what it may have. The sum of what may lie between: a connection that is found dead
// (45 s), a reader that stalls (60 s), TCP that gives up (60 s), a connect timeout (20 s), a backoff (30 s), a Retry-After
// (20 s and 30 s of jitter), and a slow reader (60 events at 0.4 s).
const restMs = 300_000
const tickMs = 200
// When the events of the rest have been published (`startRest`).
const lastEventsMs = 5000

/** Runs one world, from its beginning to where nothing may be left of it. */
export async function runSeed(seed: number, options: RunOptions = {}): Promise<Outcome> {
  const settings = drawSettings(seed, options.reduction)
  const trace = createTrace(options.traceLines ?? 0)
  const world = createWorld(seed, settings, trace, options.directory ?? filesDirectory)
  const { time, network, history } = world
  try {
    await live(world)
  } catch (error) {
    world.report({ kind: 'unexpected-error', actor: 'world', text: String((error as Error).stack) })
  } finally {
    world.logs.discard()
  }
  const counts = {
    virtualMs: time.nowMs,
    stored: history.facts.length,
    connections: network.counts.opened,
    bytes: network.counts.bytes,
    notes: trace.length,
  }
  return { seed, violation: world.violation, hash: trace.hash, settings, lines: trace.lines, counts }
}

async function live(world: World): Promise<void> {
  const { time, settings, processes, clients, network } = world
  const hasFailed = (): boolean => world.violation !== undefined
  for (const process of processes) process.start()
  for (const client of clients) client.open()
  startEvents(world)
  watchLimits(world)
  await time.run(settings.activeMs, hasFailed)
  if (hasFailed()) return

  world.isActive = false
  world.note('world', 'heals')
  world.logs.heal()
  network.heal(settings.heartbeatIntervalMs > 0)
  startRest(world)
  // One after the other: those whose tokens expire again and again need not be there at the same time.
  const restless = new Set(clients)
  const look = (): void => {
    for (const process of processes) process.start()
    if (time.nowMs > settings.activeMs + lastEventsMs)
      for (const client of restless) if (client.isContent) restless.delete(client)
    if (restless.size > 0) time.after(tickMs, look)
  }
  look()
  // A proxy that buffers lets one small window through every three seconds, also now: a backlog may rightly take longer.
  const isSlow = settings.windowBytes < 1000 && settings.weather.buffered > 0
  const patienceMs = isSlow ? 4 * restMs : restMs
  await time.run(settings.activeMs + patienceMs, () => restless.size === 0 || hasFailed())
  for (const { name, complaint } of restless)
    world.report({ kind: 'not-caught-up', actor: name, text: complaint })
  if (hasFailed()) return

  judgeEnds(world)
  await leave(world, hasFailed)
}

/** Checks each job's recorded end: cancelled only after a cancel, failed only after a failure, and so on. */
function judgeEnds(world: World): void {
  const { facts } = world.history
  for (const { index, id, topic, type, data } of facts) {
    if (type !== 'stream.end') continue
    const { reason } = JSON.parse(data) as { readonly reason: string }
    const before = facts.slice(0, index).findLast((fact) => fact.topic === topic)
    const objection =
      reason === 'cancelled' && !world.jobWasCancelled(topic)
        ? 'nobody has cancelled it'
        : (reason === 'failed') === (before?.type === 'stream.error')
          ? undefined
          : 'its failure and its end do not go together'
    if (objection !== undefined)
      world.report({ kind: 'wrong-end', actor: topic, text: `${id} says ${reason}, and ${objection}` })
  }
}

/** Ends everything, and looks for what is left. */
async function leave(world: World, hasFailed: () => boolean): Promise<void> {
  const { time, processes, clients, network, logs } = world
  world.note('world', 'ends')
  for (const client of clients) client.close()
  let stopped = 0
  const stop = async (process: ServerProcess): Promise<void> => {
    await process.stop({ drainMs: 0, timeoutMs: 1000 })
    stopped += 1
  }
  for (const process of processes) void stop(process)
  let logTimers: number | undefined
  await time.run(time.nowMs + 10_000, () => stopped === processes.length || hasFailed())
  const close = async (): Promise<void> => {
    logTimers = await logs.close()
  }
  void close()
  await time.run(time.nowMs + 10_000, hasFailed)
  if (hasFailed()) return
  const left = {
    stopping: processes.length - stopped,
    exchanges: [...network.exchanges].map(({ client, held }) => `${client}: ${held}`),
    logTimers,
  }
  if (left.stopping > 0 || left.exchanges.length > 0 || left.logTimers !== 0)
    world.report({ kind: 'left-behind', actor: 'world', text: JSON.stringify(left) })
}

/** No connection may hold more than its limit, at any time that is looked at. */
function watchLimits(world: World): void {
  const { time, processes, limitBytes } = world
  const look = (): void => {
    for (const { name, hub } of processes)
      for (const { identity, bufferedBytes } of hub?.connections() ?? [])
        if (bufferedBytes > limitBytes)
          world.report({
            kind: 'over-limit',
            actor: name,
            text: `${bufferedBytes} bytes wait for ${identity}, and ${limitBytes} may`,
          })
    if (world.isActive) time.after(tickMs, look)
  }
  look()
}
