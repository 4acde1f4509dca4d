import { createSeededRandom } from '@sse-toolkit/test-support'
import type { SeededRandom } from '@sse-toolkit/test-support'
import type { SlowConsumerPolicy } from '@sse-toolkit/sse-server'
import { fairWeather } from './network.ts'
import type { Weather } from './network-types.ts'

/**
 * `memory`: the real log of one process. `shared`: the model of a log that many processes share. `sqlite`: the real log in a
 * file, which is slower and never drawn: whoever wants it asks for it.
 */
type LogKind = 'memory' | 'shared' | 'sqlite'

/** Everything that a run is, but for what happens in it. Drawn from the seed, so that no two runs try the same. */
export interface Settings {
  readonly log: LogKind
  readonly processCount: number
  readonly clientCount: number
  readonly topics: readonly string[]
  readonly jobCount: number
  readonly eventCount: number
  /** Length of an event's data, at most. */
  readonly eventLength: number
  /** How long things happen and go wrong; then all heals, and has to come to rest. */
  readonly activeMs: number
  readonly maxEvents: number
  readonly maxEventsPerTopic: number
  readonly maxAgeMs: number
  readonly heartbeatIntervalMs: number
  readonly reconnectionTimeMs: number | undefined
  readonly maxBufferedBytes: number
  readonly slowConsumer: SlowConsumerPolicy
  readonly stallTimeoutMs: number
  readonly maxConnectionAgeMs: number
  readonly highWaterMarkBytes: number
  readonly windowBytes: number
  /** Whether the servers know web streams only, or attach their outputs. */
  readonly webBodies: boolean
  readonly weather: Weather
  /** Chances, for each use of the shared log. */
  readonly lostNotification: number
  readonly lostAnswer: number
  readonly slowLog: number
  /** How many batches are published until they are stored, and some of them again. */
  readonly onceCount: number
  /** Whether one identity is forbidden once all faults are over, by one process for all. */
  readonly forbidsAtRest: boolean
  /** The chance that a filter, or a listener of the hub, publishes when it is called. */
  readonly publishedWithin: number
  /** How long tokens are good for. */
  readonly tokenLifeMs: number
  /** Milliseconds between two such happenings, on average; Infinity is never. */
  readonly every: Readonly<Record<Happening, number>>
}

export const happenings = [
  'crash',
  'drain',
  'log-restart',
  'log-outage',
  'server-clock-jump',
  'client-clock-jump',
  'revocation',
  'reconnect',
  'reopening',
  'flood',
  'storm',
  'crash-at-statement',
] as const

export type Happening = (typeof happenings)[number]

/** How a run differs from what its seed draws: where it is held, and what a failing one is made smaller by. */
export interface Reduction {
  readonly log?: 'sqlite'
  readonly clientCount?: number
  readonly eventCount?: number
  readonly jobCount?: number
  readonly activeMs?: number
  /** Happenings, and fields of the weather, that do not occur. */
  readonly without?: readonly string[]
}

/** For how long a job that has ended can be read. */
export const jobTtlMs = 20_000

/** More than is ever stored in a run. */
export const ampleEvents = 10_000

/** A generator for one actor of a run: what others draw does not move it. */
export function randomFor(seed: number, actor: string): SeededRandom {
  let hash = seed | 0
  for (let index = 0; index < actor.length; index += 1)
    hash = Math.imul(hash ^ actor.charCodeAt(index), 0x01000193) + index
  return createSeededRandom(hash)
}

export function drawSettings(seed: number, reduction: Reduction = {}): Settings {
  const random = randomFor(seed, 'settings')
  const isWithout = (name: string): boolean => reduction.without?.includes(name) === true
  /** Most faults are absent from most runs: together they would hide each other. */
  const chance = (name: string, most: number): number => {
    const drawn = random() < 0.35 ? random() * most : 0
    return isWithout(name) ? 0 : drawn
  }
  const interval = (name: Happening, probability: number): number => {
    const drawn = random() < probability ? 2000 + random() * 15_000 : Number.POSITIVE_INFINITY
    return isWithout(name) ? Number.POSITIVE_INFINITY : drawn
  }
  const drawnLog = random() < 0.5 ? 'memory' : 'shared'
  const log = reduction.log ?? drawnLog
  const small = random() < 0.4
  return {
    log,
    processCount: random.integer(1, 3),
    clientCount: Math.min(random.integer(1, 4), reduction.clientCount ?? Number.POSITIVE_INFINITY),
    topics: ['a.0', 'a.1', 'b.0', 'b.0.x'].slice(0, random.integer(1, 4)),
    jobCount: Math.min(random() < 0.4 ? random.integer(1, 2) : 0, reduction.jobCount ?? 2),
    eventCount: Math.min(random.integer(5, 60), reduction.eventCount ?? Number.POSITIVE_INFINITY),
    eventLength: random.pick([80, 80, 1500]),
    activeMs: Math.min(random.integer(3000, 25_000), reduction.activeMs ?? Number.POSITIVE_INFINITY),
    maxEvents: small ? random.integer(3, 20) : ampleEvents,
    maxEventsPerTopic: limitOfTopic(random, log),
    maxAgeMs: random() < 0.2 ? random.integer(500, 8000) : 0,
    heartbeatIntervalMs: random.pick([0, 1000, 4000, 15_000]),
    reconnectionTimeMs: random.pick([undefined, undefined, 0, 100, 2500, Number.MAX_SAFE_INTEGER]),
    maxBufferedBytes: random.pick([600, 2500, 1_048_576]),
    slowConsumer: random.pick(['disconnect', 'disconnect', 'drop-oldest', 'latest']),
    stallTimeoutMs: random.pick([1500, 8000, 60_000]),
    maxConnectionAgeMs: random() < 0.2 ? random.integer(1500, 10_000) : 0,
    highWaterMarkBytes: random.pick([200, 2000, 65_536]),
    windowBytes: random.pick([150, 1500, 65_536]),
    webBodies: random() < 0.2,
    weather: {
      refused: chance('refused', 0.5),
      swallowed: chance('swallowed', 0.3),
      intermediaryError: chance('intermediaryError', 0.4),
      cut: chance('cut', 0.9),
      endedEarly: chance('endedEarly', 0.6),
      halfOpen: chance('halfOpen', 0.4),
      frozen: chance('frozen', 0.7),
      buffered: chance('buffered', 0.5),
      throttled: chance('throttled', 0.5),
      singleBytes: chance('singleBytes', 0.5),
      maxLatencyMs: random.pick([fairWeather.maxLatencyMs, 100, 2000]),
    },
    lostNotification: chance('lostNotification', 0.3),
    lostAnswer: chance('lostAnswer', 0.15),
    slowLog: chance('slowLog', 0.6),
    tokenLifeMs: random() < 0.3 && !isWithout('expiry') ? random.integer(2000, 15_000) : 86_400_000,
    // From a generator of its own: what was drawn before it came stays as it was.
    publishedWithin: drawPublishedWithin(seed, isWithout('publishedWithin')),
    ...drawLater(seed, isWithout),
    every: {
      crash: interval('crash', 0.35),
      drain: interval('drain', 0.25),
      'log-restart': interval('log-restart', 0.35),
      'log-outage': interval('log-outage', log === 'memory' ? 0 : 0.3),
      'server-clock-jump': interval('server-clock-jump', 0.2),
      'client-clock-jump': interval('client-clock-jump', 0.4),
      revocation: interval('revocation', 0.15),
      reconnect: interval('reconnect', 0.25),
      reopening: interval('reopening', 0.25),
      flood: interval('flood', 0.2),
      storm: drawStorm(seed, isWithout('storm')),
      'crash-at-statement': drawDeath(seed, log !== 'sqlite' || isWithout('crash-at-statement')),
    },
  }
}

function drawPublishedWithin(seed: number, isWithout: boolean): number {
  const random = randomFor(seed, 'published within')
  return random() < 0.3 && !isWithout ? random() * 0.5 : 0
}

// From generators of their own, as above.
function drawLater(
  seed: number,
  isWithout: (name: string) => boolean,
): Pick<Settings, 'onceCount' | 'forbidsAtRest'> {
  const random = randomFor(seed, 'once')
  return {
    onceCount: random() < 0.4 && !isWithout('once') ? random.integer(1, 6) : 0,
    forbidsAtRest: random() < 0.15 && !isWithout('forbidden at rest'),
  }
}

function drawStorm(seed: number, isWithout: boolean): number {
  const random = randomFor(seed, 'storm')
  return random() < 0.15 && !isWithout ? 2000 + random() * 15_000 : Number.POSITIVE_INFINITY
}

/** The log in a file has no such limit. */
function limitOfTopic(random: SeededRandom, log: LogKind): number {
  const limit = random() < 0.2 ? random.integer(2, 8) : ampleEvents
  return log === 'sqlite' ? ampleEvents : limit
}

function drawDeath(seed: number, isWithout: boolean): number {
  const random = randomFor(seed, 'death')
  return random() < 0.6 && !isWithout ? 500 + random() * 6000 : Number.POSITIVE_INFINITY
}
