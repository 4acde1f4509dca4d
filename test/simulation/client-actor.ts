import { createEventSource, ResponseError } from '@sse-toolkit/event-source-client'
import type { EventSourceClient, LastEventIdStore, StreamStatus } from '@sse-toolkit/event-source-client'
import type { SeededRandom } from '@sse-toolkit/test-support'
import type { Fact } from './history.ts'
import { createReader } from './oracle.ts'
import type { AnnouncedGap, Reader } from './oracle.ts'
import { passesFilter } from './session.ts'
import type { ClientActor } from './actors.ts'
import { createActorTimers } from './timers.ts'
import type { ActorTimers } from './timers.ts'
import { isTopicOf } from './topic-match.ts'
import type { World } from './world.ts'

/** How the hub says that a finite topic has ended. */
const endReasons = new Set(['completed', 'cancelled', 'failed', 'interrupted', 'expired'])

// The client's defaults.
const resetAfterMs = 5000
const minDelayMs = 100

// How clients of a page come: with what they already have.
type Beginning = 'now' | 'earliest' | 'garbage' | 'future' | 'past'

/** One opening of the client, with its own events. */
interface Visit {
  readonly client: EventSourceClient
  readonly timers: ActorTimers
  readonly reader: Reader
  /** The id that it asked to go on after. */
  readonly asked: string
  isOver: boolean
}

export function createClientActor(world: World, name: string, random: SeededRandom): ClientActor {
  const { time, settings, history, report, authority } = world
  const topics = drawTopics()
  const isFiltered = random() < 0.5
  const followsContract = random() < 0.8
  const reads = random.pick(['listener', 'iterator', 'slow iterator'] as const)
  const readDelayMs = random.integer(1, 400)
  const beginning: Beginning = random() < 0.6 ? 'now' : random.pick(['earliest', 'garbage', 'future', 'past'])
  const renews = random.pick(['each attempt', 'when refused'] as const)
  const queuePolicy = reads === 'slow iterator' && random() < 0.3 ? 'drop-oldest' : 'pause'
  const maxBufferedBytes = random.pick([700, 4000, 2 ** 20])
  const keepsPosition = random() < 0.5
  const connectTimeoutMs = random.integer(1500, 20_000)
  const ownIdleTimeoutMs = random() < 0.8 ? undefined : random.integer(2000, 20_000)
  // Who ignores the contract ignores the announced heartbeat, and would take a dead connection for a silent one.
  const idleTimeoutMs = ownIdleTimeoutMs ?? (followsContract ? 'auto' : 45_000)
  const resumeBy = random.pick(['header', 'query'] as const)
  const isJobReader = topics.every((topic) => topic.startsWith('job.'))
  const readsHeldEvents = !isJobReader && topics.includes('job.0')
  const earlyOpenMs = random() * settings.activeMs * 0.5
  let clockOffsetMs = 0
  let visit: Visit | undefined
  let token = ''
  let stored = ''
  let openedAtMs: number | undefined
  let failures = 0
  let hasJumped = false
  let closedFor: string | undefined

  function drawTopics(): readonly string[] {
    if (settings.jobCount > 0 && random() < 0.5)
      return Array.from({ length: random.integer(1, settings.jobCount) }, (_, index) => `job.${index}`)
    // From a generator of its own: what is drawn after it stays as it was.
    const mixed = world.randomOf(`${name} mixed`)
    if (settings.jobCount > 0 && mixed() < 0.5)
      return mixed.pick([['job.0', 'none.*'], ['job.*'], ['job.0', 'b.*'], ['job.>', 'a.0']])
    const patterns = [...settings.topics, '>', 'b.*', 'a.>', 'a.*', 'none.yet']
    return Array.from({ length: random.integer(1, 3) }, () => random.pick(patterns))
  }

  function wants({ topic, type, data }: Fact): boolean {
    if (type === 'stream.end' || !topics.some((pattern) => isTopicOf(pattern, topic))) return false
    return !isFiltered || passesFilter(data)
  }

  function objectionTo({ reason, requested, id }: AnnouncedGap): string | undefined {
    const epochOf = (each: string | null): string => each?.split('-')[0] ?? ''
    if (reason === 'dropped')
      return settings.slowConsumer === 'disconnect' && queuePolicy !== 'drop-oldest'
        ? 'nobody may drop anything'
        : undefined
    if (reason === 'epoch') return epochOf(requested) === epochOf(id) ? 'the epoch is the same' : undefined
    if (reason === 'future')
      return (history.rankOf(requested ?? '') ?? 0) <= (history.rankOf(id) ?? 0) &&
        requested?.endsWith('-999999') !== true
        ? 'it was not ahead of the log'
        : undefined
    if (isJobReader && topics.every((topic) => world.jobIsHeld(topic)))
      return 'its topics are held from their beginning'
    return world.mayEvict() ? undefined : 'nothing was ever evicted'
  }

  function initialId(): string {
    if (stored !== '') return stored
    // For a job next to a pattern, only the events after the position matter.
    if (readsHeldEvents && history.facts.length > 0) return random.pick(history.facts).id
    if (beginning === 'earliest') return 'earliest'
    if (beginning === 'garbage') return 'not an id of ours'
    if (beginning === 'future') return `${history.epoch}-999999`
    return beginning === 'past' && history.facts.length > 0 ? random.pick(history.facts).id : ''
  }

  /** Under `latest` what has a successor need not come: that will, in its own place. */
  function mayBeReplaced({ key, index }: Fact): boolean {
    return (
      settings.slowConsumer === 'latest' && history.facts.slice(index + 1).some((fact) => fact.key === key)
    )
  }

  /** The position on which the client may rely from the start. Without one, its promise begins with the first block. */
  function promise(reader: Reader, id: string): void {
    if (id === 'not an id of ours') reader.promise(0)
    else if (history.rankOf(id) !== undefined && !id.endsWith('-999999'))
      reader.promise(history.rankOf(id) ?? 0)
  }

  function storeOf(isOver: () => boolean, timers: ActorTimers): LastEventIdStore {
    return {
      load: () => stored,
      save: (id) =>
        new Promise((resolve) => {
          timers.setTimeout(() => {
            if (!isOver()) stored = id
            resolve()
          }, random() * 20)
        }),
    }
  }

  function visitNow(): void {
    failures = 0
    openedAtMs = undefined
    const timers = createActorTimers(time, name)
    const appTimers = createActorTimers(time, name)
    const reader = createReader(
      history,
      {
        name,
        wants,
        readsManyTopics: new Set(topics).size > 1 || topics.some((topic) => /[*>]/.test(topic)),
        newestOfKey: settings.slowConsumer === 'latest',
        objectionTo,
      },
      report,
    )
    const id = initialId()
    promise(reader, id)
    const url = new URL('http://events.test/')
    url.searchParams.set('client', name)
    for (const topic of topics) url.searchParams.append('topic', topic)
    if (isFiltered) url.searchParams.set('filter', 'on')
    const client = createEventSource(url, {
      transport: world.network.transportOf(name, world.route),
      runtime: {
        now: () => time.nowMs,
        wallClock: () => world.beganAtMs + time.nowMs + clockOffsetMs,
        setTimeout: timers.setTimeout,
        clearTimeout: timers.clearTimeout,
        random,
      },
      headers: () => {
        if (token === '' || renews === 'each attempt') token = authority.issue(name, settings.tokenLifeMs)
        return { authorization: token }
      },
      onUnauthorized: () => {
        token = authority.issue(name, settings.tokenLifeMs)
      },
      connectTimeoutMs,
      idleTimeoutMs,
      resumeBy,
      maxBufferedBytes,
      slowConsumer: queuePolicy,
      wireContract: followsContract ? 'auto' : 'ignore',
      // A position that was saved is the store's to give.
      lastEventId: keepsPosition && stored !== '' ? '' : id,
      ...(keepsPosition && { lastEventIdStore: storeOf(() => current.isOver, appTimers) }),
    })
    const current: Visit = { client, timers, reader, asked: id, isOver: false }
    visit = current
    world.note(name, 'opens', topics.join(','), id)
    client.onStatus((status) => {
      world.note(name, status.state, 'cause' in status ? status.cause?.message : '')
      watchBackoff(status)
    })
    if (reads === 'listener')
      client.onAny(({ type, data, lastEventId }) => take(current, type, data, lastEventId))
    // Who iterates has what waits before the end.
    const isRead = reads === 'listener' ? Promise.resolve() : iterate(current, appTimers)
    void client.closed.then((reason) => noteClosed(current, reason, isRead))
  }

  /** A connection that was short does not count as one that was stable: the delays go on growing. */
  function watchBackoff(status: StreamStatus): void {
    if (status.state === 'open') openedAtMs = time.nowMs
    if (status.state !== 'reconnecting') return
    const wasStable = openedAtMs !== undefined && time.nowMs - openedAtMs >= resetAfterMs
    openedAtMs = undefined
    if (!hasJumped && !wasStable && status.attempt !== failures + 1)
      report({
        kind: 'hot-loop',
        actor: name,
        text: `attempt ${status.attempt} after ${failures}, with no stable stream`,
      })
    if (status.delayMs < minDelayMs)
      report({ kind: 'hot-loop', actor: name, text: `it waits for ${status.delayMs} ms` })
    failures = status.attempt
  }

  async function iterate(current: Visit, appTimers: ActorTimers): Promise<void> {
    try {
      for await (const { type, data, lastEventId } of current.client) {
        take(current, type, data, lastEventId)
        if (current.isOver) return
        if (reads === 'slow iterator')
          await new Promise<void>((resolve) => void appTimers.setTimeout(resolve, readDelayMs))
      }
    } catch (error) {
      // What the stream was refused or failed for; `closed` has the reason.
      world.note(name, 'iteration ends', String(error))
    }
  }

  function take(current: Visit, type: string, data: string, id: string): void {
    world.note(name, 'takes', id, type === 'stream.gap' ? `${type} ${data}` : type)
    if (current.isOver) report({ kind: 'left-behind', actor: name, text: `${id} after it was closed` })
    if (type === 'stream.gap') {
      current.reader.announce({ ...(JSON.parse(data) as AnnouncedGap), id })
      current.reader.promise(history.rankOf(id) ?? 0)
      return
    }
    if (type === 'stream.end') noteEnd(current, id, (JSON.parse(data) as { reason: string }).reason)
    else current.reader.deliver({ id, type, data })
    // Whatever it began with, from now on it counts on everything.
    current.reader.promise(history.facts.length)
  }

  function noteEnd({ reader }: Visit, id: string, reason: string): void {
    const fact = history.at(id)
    // A topic that has expired has lost its own end as well: the id is that of the last event before. The end says `failed`
    // all the same if a failure came before.
    const isStored = reason !== 'expired' && !(reason === 'failed' && fact?.type !== 'stream.end')
    const end = isStored ? fact : undefined
    const open = topics.filter((topic) => !world.jobHasEnded(topic))
    const [missing] = reader.outstanding(end?.index)
    if ((isStored && end?.type !== 'stream.end') || open.length > 0)
      report({ kind: 'wrong-end', actor: name, text: `stream.end ${id}, and ${open.join()} have not ended` })
    else if (missing !== undefined)
      report({ kind: 'missing', actor: name, text: `${missing.id}, and stream.end came after it` })
  }

  async function noteClosed(current: Visit, reason: string, isRead: Promise<void>): Promise<void> {
    world.note(name, 'is closed', reason)
    if (current.isOver) return
    if (current.timers.pending > 0)
      report({ kind: 'left-behind', actor: name, text: 'timers of a closed client' })
    await isRead
    closedFor = reason
    const objection = objectionToEnd(current, reason)
    if (objection !== undefined)
      report({ kind: 'wrong-end', actor: name, text: `closed (${reason}): ${objection}` })
  }

  function objectionToEnd({ client, reader }: Visit, reason: string): string | undefined {
    const hasEnded = isJobReader && topics.every((topic) => world.jobHasEnded(topic))
    if (endReasons.has(reason) && !followsContract) return 'it ignores what the server says of ends'
    if (endReasons.has(reason)) return hasEnded ? undefined : 'its topics have not ended'
    if (reason === 'no-content') {
      if (world.wasForbidden(name)) return undefined
      if (!hasEnded) return 'there is more to come'
      const [missing] = reader.outstanding(world.lastEndIndex(topics))
      return missing === undefined ? undefined : `it lacks ${missing.id}`
    }
    if (reason === 'refused') return isRefusal(client.status) ? undefined : JSON.stringify(client.status)
    return 'nothing calls for it'
  }

  function leave(current: Visit): void {
    current.isOver = true
    current.client.close()
    if (current.timers.pending > 0)
      report({ kind: 'left-behind', actor: name, text: 'timers of a closed client' })
  }

  return {
    name,
    topics,
    get isContent() {
      return closedFor !== undefined || this.complaint === ''
    },
    get complaint() {
      if (visit === undefined) return 'it was never opened'
      const { client, reader } = visit
      if (client.status.state !== 'open') return `it is ${client.status.state}`
      if (isJobReader && topics.every((topic) => world.jobHasEnded(topic, 'in this epoch')))
        return 'its topics have ended, and it is open'
      const [missing, ...more] = reader.outstanding()
      return missing === undefined
        ? ''
        : `it lacks ${missing.id} of ${missing.topic}, and ${more.length} more`
    },
    open() {
      time.after(earlyOpenMs, visitNow)
    },
    reconnect() {
      if (visit === undefined || closedFor !== undefined) return
      world.note(name, 'reconnects by itself')
      visit.client.reconnect()
    },
    jumpClock(byMs) {
      clockOffsetMs += byMs
      hasJumped = true
      world.note(name, 'clock jumps', byMs)
    },
    reopen() {
      if (visit === undefined || visit.client.status.state === 'closed') return
      leave(visit)
      const lacking = stored === '' ? [] : visit.reader.outstanding(history.rankOf(stored))
      const missing = lacking.find((fact) => !mayBeReplaced(fact))
      if (missing !== undefined)
        report({
          kind: 'wrong-position',
          actor: name,
          text: `${stored} was saved, and it lacks ${missing.id}`,
        })
      visitNow()
    },
    gotFirstBlock({ beganAt, respondedAt, wasFinite }) {
      // A client that claims a future position learns the real one from the gap, not from the first block.
      if (visit?.asked.endsWith('-999999') === true) return
      // What was evicted before the log was read is nothing that a reader from the earliest misses (see `take`).
      if (visit?.asked === 'earliest' && world.mayEvict() && !wasFinite) return
      visit?.reader.promise(wasFinite || visit.asked === 'earliest' ? beganAt : respondedAt)
    },
    close() {
      if (visit !== undefined && visit.client.status.state !== 'closed') leave(visit)
    },
  }
}

function isRefusal(status: StreamStatus): boolean {
  const cause = status.state === 'closed' ? status.cause : undefined
  return cause instanceof ResponseError && [401, 403, 410].includes(cause.status)
}
