import { checkBatch, checkTopic, heldBytesOf } from '@sse-toolkit/sse-server'
import type {
  Appended,
  AppendOptions,
  ControlEntry,
  ControlOptions,
  EventLog,
  LoggedEvent,
  LogPage,
  LogTailListener,
  Position,
  ProducerSequence,
  TopicPattern,
  TopicState,
  TopicStatus,
} from '@sse-toolkit/sse-server'
import { AppendQueue } from './append/append-queue.ts'
import { EventCache } from './cache/event-cache.ts'
import { Commands } from './commands/commands.ts'
import type { Command, Reply } from './commands/commands.ts'
import type { Connections } from './connection/connections.ts'
import { createConnections } from './connection/create-connections.ts'
import { LogUnavailableError } from './errors/log-unavailable-error.ts'
import { FailureReporter } from './lifecycle/failure-reporter.ts'
import { Follower } from './follow/follower.ts'
import { channelOf, keysOf } from './commands/keys.ts'
import { readControls } from './read/controls.ts'
import { createLookups } from './read/lookups.ts'
import type { Lookups } from './read/lookups.ts'
import { settingsOf } from './options.ts'
import type { RedisLogOptions, Settings } from './options.ts'
import { randomWord } from './random-word.ts'
import { Readiness } from './lifecycle/readiness.ts'
import { EventReads } from './read/event-reads.ts'
import { readPage } from './read/read-page.ts'
import { createScript } from './commands/script.ts'
import { cancelScript, claimScript, endScript } from './scripts/finite.ts'
import { Maintenance } from './lifecycle/maintenance.ts'
import { encodeEvent } from './wire.ts'

const scripts = {
  cancel: createScript(cancelScript),
  claim: createScript(claimScript),
  end: createScript(endScript),
}

// How many events one page has while the follower catches up.
const pageSize = 500

/** What a log does at the moment. */
export interface RedisLogStats {
  /** Bytes of events that this process holds for readers. See {@link RedisLogOptions.maxCachedBytes}. */
  readonly cachedBytes: number
  /** Reads of events that Redis has before it: four at most. */
  readonly readsUnderWay: number
  /** Reads that wait for one of those. Equal reads count once. */
  readonly readsWaiting: number
  /** Events that wait to be appended, or are on their way. See {@link RedisLogOptions.maxPendingEvents}. */
  readonly pendingEvents: number
  /** And their bytes. See {@link RedisLogOptions.maxPendingBytes}. */
  readonly pendingBytes: number
}

/** A log that many processes share. */
export interface RedisLog extends EventLog {
  /**
   * Resolves once Redis has been reached and found compatible. You need not wait for it: a call that comes earlier waits
   * for up to `commandTimeoutMs`. Tails begin at the head of that moment.
   *
   * @throws {@link IncompatibleRedisError}, or {@link LogUnavailableError} after `commandTimeoutMs`.
   */
  ready(): Promise<void>
  stats(): RedisLogStats
}

/**
 * A hub's log on Redis 7 or Valkey: the same streams from many processes.
 *
 * Events are kept in one order over all topics, whichever process appends them. Each process has three connections, for
 * commands, for reads and for the channel, however many readers it serves. They are opened at once, and again whenever they fail.
 *
 * @throws `OptionError` of sse-server if an option is invalid
 * @example
 * ```ts no-run
 * import { redisLog } from '@sse-toolkit/sse-redis'
 * import { createHub } from '@sse-toolkit/sse-server'
 *
 * const log = redisLog({ url: 'redis://localhost:6379', namespace: 'shop' })
 * const hub = createHub({ log })
 * await hub.publish('orders.42', { event: 'paid', data: { total: 12 } })
 * await hub.close()
 * await log.close()
 * ```
 */
export function redisLog(options: RedisLogOptions): RedisLog {
  return new SharedLog(options)
}

/**
 *     append, control --> Queue --.
 *     claim, end, cancel ---------+-> Commands ---> commands connection -----> Redis, its scripts
 *     Maintenance, regularly -----|                                               |
 *     read -> EventReads ---------'-> (the same) -> reads connection -----------> |
 *                ^ EventCache                                                     |
 *     tail    <- Follower <---------- subscription connection <--- its channel <--'
 */
class SharedLog implements RedisLog {
  readonly #settings: Settings
  readonly #owner: string
  readonly #failures: FailureReporter
  readonly #readiness: Readiness
  readonly #connections: Connections
  readonly #commands: Commands
  readonly #cache: EventCache
  readonly #reads: EventReads
  readonly #queue: AppendQueue
  readonly #follower: Follower
  readonly #lookups: Lookups
  readonly #maintenance: Maintenance
  #closing: Promise<void> | null = null

  constructor(options: RedisLogOptions) {
    const settings = settingsOf(options)
    const { namespace, runtime, commandTimeoutMs } = settings
    this.#settings = settings
    const channel = channelOf(namespace)
    this.#owner = randomWord(runtime)
    const failures = new FailureReporter(settings.onError)
    this.#failures = failures
    this.#readiness = new Readiness(runtime, commandTimeoutMs)
    this.#connections = createConnections({
      redis: options.redis,
      url: options.url,
      channel,
      stepTimeoutMs: commandTimeoutMs,
      runtime,
      onMessage: (text) => this.#follower.receive(text),
      onOpen: () => this.#commands.retry(),
      onSubscribed: () => {
        if (this.#follower.position === null) this.#maintenance.run()
        else void this.#follower.catchUp()
      },
      onError: (error) => {
        this.#readiness.failed(error)
        this.#report(error)
      },
    })
    this.#commands = new Commands({
      ...settings,
      connections: this.#connections,
      keys: keysOf(namespace),
      channel,
      onState: (state) => this.#cache.observe(state),
    })
    this.#cache = new EventCache(settings.maxCachedBytes)
    this.#reads = new EventReads({ commands: this.#commands, cache: this.#cache, runtime, commandTimeoutMs })
    this.#queue = new AppendQueue({
      ...settings,
      commands: this.#commands,
      owner: this.#owner,
      ready: () => this.#readiness.wait('append'),
    })
    this.#follower = new Follower({
      readAfter: (seq) => readPage(this.#commands, seq, pageSize),
      readControls: async () => {
        const { controlled, told } = await readControls((command) => this.#commands.run(command), '')
        return { controlled, entries: told }
      },
      told: (entry) => {
        this.#commands.saw(entry.position)
        this.#cache.append(entry)
      },
      onError: (error) => this.#report(error),
    })
    this.#lookups = createLookups({
      run: (command) => this.#run(command),
      timeoutMs: commandTimeoutMs,
      runtime,
    })
    this.#maintenance = new Maintenance({
      settings,
      owner: this.#owner,
      commands: this.#commands,
      connections: this.#connections,
      follower: this.#follower,
      failures,
      readiness: this.#readiness,
    })
    this.#connections.open()
    this.#maintenance.run()
  }

  ready(): Promise<void> {
    return this.#readiness.wait('reach Redis')
  }

  async append(event: LoggedEvent, options?: AppendOptions): Promise<Position> {
    checkTopic(event.topic)
    const { position } = await this.#queue.append([event], undefined, options)
    return position
  }

  async appendBatch(events: readonly LoggedEvent[], producer?: ProducerSequence): Promise<Appended> {
    checkTopic(checkBatch(events))
    return this.#queue.append(events, producer)
  }

  async claim(topic: string): Promise<TopicState> {
    checkTopic(topic)
    const { runtime, leaseMs } = this.#settings
    const token = randomWord(runtime)
    const { values } = await this.#run({
      script: scripts.claim,
      operation: `claim ${topic}`,
      changes: 'the log',
      args: () => [topic, this.#owner, token, String(leaseMs)],
    })
    const [state] = values
    if (state === 'open') this.#maintenance.keepLease(topic)
    return state as TopicState
  }

  async end(
    event: LoggedEvent,
    ttlMs: number,
    before: readonly LoggedEvent[] = [],
  ): Promise<Position | undefined> {
    const { topic } = event
    checkTopic(topic)
    // The lease is no longer renewed: if this fails, another process ends the topic.
    this.#maintenance.dropLease(topic)
    const { runtime, maxHeldBytes } = this.#settings
    const token = randomWord(runtime)
    const events = [...before, event].flatMap((each) => [String(heldBytesOf(each)), encodeEvent(each)])
    const { epoch, values } = await this.#run({
      script: scripts.end,
      operation: `end ${topic}`,
      changes: 'the log',
      args: () => [topic, token, String(ttlMs), String(maxHeldBytes), ...events],
    })
    const [seq = ''] = values
    return seq === '' ? undefined : { epoch, seq: Number(seq) }
  }

  async cancel(topic: string): Promise<TopicState> {
    checkTopic(topic)
    const { values } = await this.#run({
      script: scripts.cancel,
      operation: `cancel ${topic}`,
      changes: 'nothing',
      args: () => [topic],
    })
    return values[0] as TopicState
  }

  async status(topic: string): Promise<TopicStatus> {
    checkTopic(topic)
    return this.#lookups.statuses.request(topic)
  }

  async read(patterns: readonly TopicPattern[], after: number, limit: number): Promise<LogPage> {
    await this.#readiness.wait('read')
    const page = await this.#reads.read(patterns, after, limit)
    // A reader is at a position of the epoch that the tails know. If the page is of another one, they get that first.
    for (let attempt = 0; this.#follower.position?.epoch !== page.epoch; attempt += 1) {
      if (attempt === 3) {
        throw new LogUnavailableError('log-unavailable', 'read', 'the log goes on in another epoch')
      }
      await this.#follower.catchUp()
    }
    const { entries, more, evictedUpTo } = page
    return { entries, more, evictedUpTo }
  }

  control(name: string, value: string, { ttlMs, notify = true }: ControlOptions): Promise<void> {
    return this.#queue.control(name, value, ttlMs, notify)
  }

  async controls(prefix: string): Promise<readonly ControlEntry[]> {
    const { entries } = await readControls((command) => this.#run(command), prefix)
    return entries
  }

  tail(listener: LogTailListener): () => void {
    return this.#follower.listen(listener)
  }

  head(): Promise<Position> {
    return this.#lookups.heads.request(undefined)
  }

  stats(): RedisLogStats {
    return {
      cachedBytes: this.#cache.bytes,
      readsUnderWay: this.#reads.underWay,
      readsWaiting: this.#reads.waiting,
      pendingEvents: this.#queue.events,
      pendingBytes: this.#queue.bytes,
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#readiness.close()
    this.#maintenance.stop()
    this.#follower.stop()
    this.#commands.refuseUnsent()
    await this.#queue.close()
    this.#reads.close()
    this.#commands.close()
    this.#connections.close()
  }

  async #run(command: Command): Promise<Reply> {
    await this.#readiness.wait(command.operation)
    return this.#commands.run(command)
  }

  #report(error: unknown): void {
    if (!this.#readiness.isClosed) this.#failures.report(error)
  }
}
