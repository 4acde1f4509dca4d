import { byteSourceSymbol, createHub } from '@sse-toolkit/sse-server'
import type { ByteSource, Hub, Runtime } from '@sse-toolkit/sse-server'
import type { SeededRandom } from '@sse-toolkit/test-support'
import { ProcessDiedError } from './mortal-connections.ts'
import type { ServerProcess, Session } from './actors.ts'
import { bodySource } from './body-source.ts'
import type { IncomingRequest } from './network-types.ts'
import type { ProcessLog } from './log-house.ts'
import { openSession } from './session.ts'
import { isWildcard } from './topic-match.ts'
import { publishBy } from './publishing.ts'
import { createActorTimers } from './timers.ts'
import type { ActorTimers } from './timers.ts'
import type { World } from './world.ts'

/** One run of a server's process: from its start to its crash, or its orderly end. */
interface Life {
  readonly timers: ActorTimers
  readonly ownTimers: ActorTimers
  readonly hub: Hub
  readonly log: ProcessLog
  readonly requests: Set<IncomingRequest>
  isOver: boolean
}

// What is published within a filter is filtered as well: it must come to an end.
const mostPublishedWithin = 40

export function createServerProcess(world: World, name: string, random: SeededRandom): ServerProcess {
  const { time, settings, report } = world
  let life: Life | undefined
  let publishedWithin = 0

  function live(): Life {
    const timers = createActorTimers(time, name)
    const startedMs = time.nowMs
    const runtime: Runtime = {
      now: () => time.nowMs - startedMs,
      wallClock: world.serverWallClock,
      setTimeout: timers.setTimeout,
      clearTimeout: timers.clearTimeout,
      endOfTurn: timers.endOfTurn,
      random,
    }
    // What the log and the application set is not the hub's to clear.
    const ownTimers = createActorTimers(time, name)
    const log = world.openLog({ ...runtime, ...ownTimers }, random)
    const hub = createHub({
      log,
      runtime,
      heartbeatIntervalMs: settings.heartbeatIntervalMs,
      reconnectionTimeMs: settings.reconnectionTimeMs,
      maxBufferedBytes: settings.maxBufferedBytes,
      slowConsumer: settings.slowConsumer,
      stallTimeoutMs: settings.stallTimeoutMs,
      maxConnectionAgeMs: settings.maxConnectionAgeMs,
      async authorize(request) {
        // The lookup takes time, and much can happen before it answers.
        if (random() < 0.3)
          await new Promise<void>((resolve) => ownTimers.setTimeout(resolve, random() * 200))
        return world.authority.authorize(request.headers.get('authorization'))
      },
      onJoin: () => publishWithin(current, 'onJoin'),
      onLeave: () => publishWithin(current, 'onLeave'),
      onError(error) {
        if (current.isOver) return
        if (!world.isExpected(error)) report({ kind: 'unexpected-error', actor: name, text: String(error) })
        publishWithin(current, 'onError')
      },
    })
    const current: Life = { timers, ownTimers, hub, log, requests: new Set(), isOver: false }
    return current
  }

  /** What the application does in the middle of a delivery, or of a subscription: it publishes. */
  function publishWithin(current: Life, where: string): void {
    if (current.isOver || !world.isActive || random() >= settings.publishedWithin) return
    if ((publishedWithin += 1) > mostPublishedWithin) return
    publishBy(world, { hub: current.hub, name }, random, random.pick(settings.topics), `within ${where}`)
  }

  function publishingWithin(filter: Session['filter']): Session['filter'] {
    if (filter === undefined) return undefined
    return (event) => {
      if (life !== undefined) publishWithin(life, 'a filter')
      return filter(event)
    }
  }

  async function serve(current: Life, incoming: IncomingRequest): Promise<void> {
    const { url, headers } = incoming.request
    const session = openSession(world, name, incoming.request)
    world.sessions.add(session)
    let response: Response
    try {
      response = await current.hub.subscribe(new Request(url, { headers }), {
        topics: session.topics.filter((topic) => !isWildcard(topic)),
        patterns: session.topics.filter(isWildcard),
        filter: publishingWithin(session.filter),
      })
    } catch (error) {
      if (current.isOver) return
      if (!world.isExpected(error)) report({ kind: 'unexpected-error', actor: name, text: String(error) })
      // As a server answers when its handler throws.
      response = new Response(null, { status: 500 })
    }
    if (current.isOver) return
    session.respond(response.status)
    if (response.status !== 200) incoming.respond(response.status, response.headers)
    else incoming.respond(200, response.headers, session.watch(sourceOf(response)), session.onBytes)
  }

  /** Most servers know the symbol; to the others it is a Response like any other. */
  function sourceOf(response: Response): ByteSource {
    const source = Reflect.get(response, byteSourceSymbol) as ByteSource
    return settings.webBodies && response.body !== null ? bodySource(response.body) : source
  }

  function end(current: Life, how: 'reset' | 'silence'): void {
    current.isOver = true
    current.timers.revoke()
    current.ownTimers.revoke()
    current.log.abandon()
    if (life === current) life = undefined
    for (const request of current.requests) if (request.isOpen) request.die(how)
  }

  return {
    name,
    get isUp() {
      return life !== undefined
    },
    get hub() {
      return life?.hub
    },
    get timers() {
      return life?.ownTimers
    },
    start() {
      if (life !== undefined) return
      try {
        life = live()
      } catch (error) {
        if (!(error instanceof ProcessDiedError)) throw error
        world.note(name, 'dies as it opens its log')
        time.after(random() * 1000, () => this.start())
      }
    },
    accept(incoming) {
      if (life === undefined) return
      life.requests.add(incoming)
      void serve(life, incoming)
    },
    crash(how) {
      const current = life
      if (current === undefined) return
      world.note(name, 'crashes', how)
      end(current, how)
    },
    crashAtStatement(death, how, whenDown) {
      const current = life
      current?.log.dieAtStatement?.(death, () => {
        world.note(name, 'crashes at a statement', how)
        end(current, how)
        whenDown()
      })
    },
    async stop(options) {
      const current = life
      if (current === undefined) return
      world.note(name, 'drains', options.drainMs)
      await current.hub.close(options)
      if (current.isOver) return
      await current.log.close()
      const { connections, topics, running, bufferedBytes } = current.hub.stats()
      const left = { connections, topics, running, bufferedBytes, timers: current.timers.pending }
      if (Object.values(left).some((count) => count !== 0))
        report({ kind: 'left-behind', actor: name, text: JSON.stringify(left) })
      // What was asked and not answered yet goes with the process.
      end(current, 'reset')
      world.note(name, 'has ended')
    },
  }
}
