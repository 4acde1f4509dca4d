import type { SeededRandom } from '@sse-toolkit/test-support'
import type { Hub } from '@sse-toolkit/sse-server'
import { jobStep } from './job-steps.ts'
import { noteFailure, publishBy, publishOnce } from './publishing.ts'
import type { ServerProcess } from './actors.ts'
import type { Death } from './mortal-connections.ts'
import { happenings, jobTtlMs } from './settings.ts'
import type { Happening } from './settings.ts'
import type { World } from './world.ts'

/** Lets the publishers publish, the jobs run, and everything go wrong that the settings have. */
export function startEvents(world: World): void {
  const { settings } = world
  const random = world.randomOf('events')
  startPublishing(world, random)
  for (let index = 0; index < settings.jobCount; index += 1)
    startJob(world, `job.${index}`, world.randomOf(`job ${index}`))
  startOnce(world, world.randomOf('once'))
  for (const happening of happenings) schedule(world, happening, world.randomOf(happening))
}

/** After the faults: ends the jobs that are still open, and publishes one more event to each topic. */
export function startRest(world: World): void {
  const { settings, time } = world
  const random = world.randomOf('rest')
  for (let index = 0; index < settings.jobCount; index += 1)
    time.after(2000, () => endJob(world, `job.${index}`, random))
  if (settings.forbidsAtRest) time.after(500, () => forbidAtRest(world, world.randomOf('forbidden at rest')))
  for (const topic of settings.topics) time.after(3000, () => publish(world, random, topic, 'at rest'))
}

function startPublishing(world: World, random: SeededRandom): void {
  const { settings, time } = world
  for (let left = settings.eventCount; left > 0;) {
    const burst = Math.min(left, random() < 0.2 ? random.integer(2, 12) : 1)
    left -= burst
    const topic = random.pick(settings.topics)
    const isOneTopic = random() < 0.5
    time.after(random() * settings.activeMs, () => {
      for (let count = 0; count < burst; count += 1)
        publish(world, random, isOneTopic ? topic : random.pick(settings.topics), `event ${left + count}`)
    })
  }
}

/** Batches that are published until they are stored, by whichever process is up. */
function startOnce(world: World, random: SeededRandom): void {
  const { settings, time } = world
  for (let index = 0; index < settings.onceCount; index += 1) {
    const topic = random.pick(settings.topics)
    const pick = (): { hub: Hub; name: string } | undefined => {
      const process = pickProcess(world, random)
      return process?.hub && { hub: process.hub, name: process.name }
    }
    time.after(random() * settings.activeMs, () => publishOnce(world, pick, random, topic, `once ${index}`))
  }
}

/** No fault is left: what one process forbids is heeded by all. */
function forbidAtRest(world: World, random: SeededRandom): void {
  const process = pickProcess(world, random)
  const { name } = random.pick(world.clients)
  if (process?.hub === undefined) return
  world.note(process.name, 'forbids', name)
  world.forbid(name, process.name)
  // A process that stops in the middle of the call has forbidden no identity, and its caller knows.
  process.hub
    .forbid(name)
    .then(() => void world.time.after(2400, () => world.forbidEverywhere(name)))
    .catch((error: unknown) => noteFailure(world, process.name, 'forbid', error))
}

function publish(world: World, random: SeededRandom, topic: string, text: string): void {
  if (world.violation !== undefined) return
  const process = pickProcess(world, random)
  if (process?.hub !== undefined)
    publishBy(world, { hub: process.hub, name: process.name }, random, topic, text)
}

function pickProcess(world: World, random: SeededRandom): ServerProcess | undefined {
  const up = world.processes.filter((each) => each.hub !== undefined)
  return up.length === 0 ? undefined : random.pick(up)
}

/** The first process that gets the request starts the job, and others may try after it: only one may run it. */
function startJob(world: World, topic: string, random: SeededRandom): void {
  const { time, settings } = world
  const attempts = random.integer(1, 3)
  const stepCount = random.integer(1, 8)
  const fails = random() < 0.2
  const firstMs = random() * settings.activeMs * 0.5
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    time.after(firstMs + attempt * random() * 1000, () => {
      const process = pickProcess(world, random)
      if (process?.hub === undefined || world.violation !== undefined) return
      const { timers } = process
      const { epoch } = world.history
      async function* work({ signal }: { signal: AbortSignal }): AsyncGenerator<string> {
        // A log that has lost its memory cannot know that the topic was run before.
        if (world.history.epoch === epoch && !world.jobIsBegun(topic))
          world.report({
            kind: 'ran-twice',
            actor: topic,
            text: 'it is run again in the same epoch of the log',
          })
        for (let step = 0; step < stepCount && !signal.aborted; step += 1) {
          await new Promise<void>((resolve) => void timers?.setTimeout(resolve, random() * 1500))
          yield jobStep(step, topic)
        }
        if (fails) throw new Error('the job is too hard')
      }
      process.hub
        .run(topic, work, { ttlMs: jobTtlMs, errorMessage: `it failed after ${stepCount} steps` })
        .then(
          (run) => world.note(process.name, run.started ? 'runs' : 'does not run', topic),
          (error: unknown) => noteFailure(world, process.name, 'run', error),
        )
    })
  }
  if (random() < 0.2)
    time.after(firstMs + random() * 5000, () => {
      const process = pickProcess(world, random)
      if (process?.hub === undefined) return
      world.note(process.name, 'cancels', topic)
      world.cancelJob(topic)
      process.hub.cancel(topic).catch((error: unknown) => noteFailure(world, process.name, 'cancel', error))
    })
}

/** Until it is ended: what a crashed process ran is ended by another. */
function endJob(world: World, topic: string, random: SeededRandom): void {
  if (world.violation !== undefined || world.jobHasEnded(topic, 'in this epoch')) return
  const process = pickProcess(world, random)
  world.time.after(1000, () => endJob(world, topic, random))
  process?.hub
    ?.end(topic, { ttlMs: jobTtlMs })
    .catch((error: unknown) => noteFailure(world, process.name, 'end', error))
}

function schedule(world: World, happening: Happening, random: SeededRandom): void {
  const everyMs = world.settings.every[happening]
  if (everyMs === Number.POSITIVE_INFINITY) return
  // Exponential: two of a kind may come close together.
  world.time.after(-Math.log(1 - random()) * everyMs, () => {
    if (!world.isActive) return
    happen[happening](world, random)
    schedule(world, happening, random)
  })
}

function restartLog(world: World, random: SeededRandom): void {
  world.note('log', 'restarts empty')
  world.logs.restart()
  // The log of one process is lost with that process.
  if (world.settings.log !== 'memory') return
  for (const process of world.processes) {
    process.crash('reset')
    world.time.after(random() * 1000, () => process.start())
  }
}

const happen: Readonly<Record<Happening, (world: World, random: SeededRandom) => void>> = {
  crash(world, random) {
    const process = random.pick(world.processes)
    process.crash(random() < 0.7 ? 'reset' : 'silence')
    world.time.after(random() * 5000, () => process.start())
  },
  'crash-at-statement'(world, random) {
    const restMs = random() * 3000
    const statement = random() < 0.5 ? 'commit' : random.integer(1, 40)
    const death: Death = { statement, isDone: random() < 0.5 }
    const how = random() < 0.7 ? 'reset' : 'silence'
    const process = random.pick(world.processes)
    process.crashAtStatement(death, how, () => void world.time.after(restMs, () => process.start()))
  },
  drain(world, random) {
    const process = random.pick(world.processes)
    const restMs = random() * 3000
    void process
      .stop({ drainMs: random.pick([0, 300, 2000]), timeoutMs: random.integer(100, 3000) })
      .then(() => world.time.after(restMs, () => process.start()))
  },
  'log-restart'(world, random) {
    if (random() < 0.3) restartLog(world, random)
    else {
      // Under load: what was stored just before is still on its way, and everybody comes again just after.
      for (let count = 0; count < 3; count += 1)
        publish(world, random, random.pick(world.settings.topics), `last words ${count}`)
      world.time.after(random() * 30, () => restartLog(world, random))
      for (const client of world.clients) world.time.after(random() * 100, () => client.reconnect())
    }
  },
  'log-outage'(world, random) {
    world.note('log', 'is out of reach')
    world.logs.breakConnections()
    world.time.after(random() * 5000, () => {
      world.note('log', 'can be reached')
      world.logs.mendConnections()
    })
  },
  'server-clock-jump'(world, random) {
    world.jumpServerClock(random.pick([-3_600_000, -5000, 5000, 3_600_000]))
  },
  'client-clock-jump'(world, random) {
    random.pick(world.clients).jumpClock(random.pick([-3_600_000, -5000, 5000, 3_600_000]))
  },
  revocation(world, random) {
    const client = random.pick(world.clients).name
    const forbids = random() < 0.5
    world.note(client, forbids ? 'is forbidden' : 'is disconnected')
    for (const { name, hub } of world.processes) {
      if (hub === undefined) continue
      if (forbids) {
        hub
          .forbid(client, { forbidMs: 4000 })
          .catch((error: unknown) => noteFailure(world, name, 'forbid', error))
        world.forbid(client, name)
      } else hub.disconnect(({ identity }) => identity === client)
    }
  },
  reconnect: (world, random) => random.pick(world.clients).reconnect(),
  reopening: (world, random) => random.pick(world.clients).reopen(),
  storm(world) {
    for (const client of world.clients) client.reopen()
  },
  flood(world, random) {
    // More than a slow reader takes, and not all in one turn.
    const topic = random.pick(world.settings.topics)
    for (let count = 0; count < 15; count += 1)
      world.time.after(count * 30, () => publish(world, random, topic, `flood ${count}`))
  },
}
