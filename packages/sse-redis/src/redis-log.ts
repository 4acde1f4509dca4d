import {
  checkTopic,
  type EventLog,
  type LoggedEvent,
  type LogPage,
  type LogTailListener,
  type Position,
  type TopicPattern,
  type TopicState,
  type TopicStatus,
} from '@sse-toolkit/sse-server'
import { AppendQueue } from './append-queue.ts'
import { Commands, type Command, type Reply } from './commands.ts'
import type { Connections } from './connections.ts'
import { createConnections } from './create-connections.ts'
import { LogUnavailableError } from './errors/log-unavailable-error.ts'
import { FailureReporter } from './failure-reporter.ts'
import { Follower } from './follower.ts'
import { channelOf, keysOf } from './keys.ts'
import { createLookups, type Lookups } from './lookups.ts'
import { settingsOf, type RedisLogOptions, type Settings } from './options.ts'
import { randomWord } from './random-word.ts'
import { Readiness } from './readiness.ts'
import { readPage } from './reader.ts'
import { createScript } from './script.ts'
import { cancelScript, claimScript, endScript } from './scripts/finite.ts'
import { Upkeep } from './upkeep.ts'
import { encodeEvent } from './wire.ts'

const scripts = {
  cancel: createScript(cancelScript),
  claim: createScript(claimScript),
  end: createScript(endScript),
}

// How many events are read at once to catch up.
const pageSize = 500

/** A log that many processes share. */
export interface RedisLog extends EventLog {
  /**
   * Resolves when Redis was reached and found fit. Nothing has to wait for it: whatever is asked of the log before waits
   * by itself, for `commandTimeoutMs`. A tail begins then.
   *
   * @throws {@link RedisUnfitError}, or {@link LogUnavailableError} after `commandTimeoutMs`.
   */
  ready(): Promise<void>
}

/**
 * A hub's log on Redis 7 or Valkey: the same streams from many processes.
 *
 * Events are kept in one order over all topics, whichever process appends them. Each process has two connections, however
 * many readers it serves: one that asks, one that hears.
 *
 * @throws {@link OptionError}
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
 *     append  -> AppendQueue --.
 *     read, claim, end, ...  --+-> Commands -> Connections.commands ---> Redis, its scripts
 *     Upkeep, every second   --'                                           |
 *     tail    <- Follower <---------- Connections.subscriber <--- its channel
 */
class SharedLog implements RedisLog {
  readonly #settings: Settings
  readonly #owner: string
  readonly #failures: FailureReporter
  readonly #readiness: Readiness
  readonly #connections: Connections
  readonly #commands: Commands
  readonly #queue: AppendQueue
  readonly #follower: Follower
  readonly #lookups: Lookups
  readonly #upkeep: Upkeep
  #closing: Promise<void> | null = null

  constructor(options: RedisLogOptions) {
    const settings = settingsOf(options)
    const { namespace, runtime, commandTimeoutMs, maxPendingEvents } = settings
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
      onCommandsOpen: () => this.#commands.retry(),
      onSubscribed: () => {
        void this.#follower.catchUp()
        this.#upkeep.look()
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
    })
    this.#queue = new AppendQueue({
      commands: this.#commands,
      owner: this.#owner,
      runtime,
      commandTimeoutMs,
      maxPendingEvents,
      ready: () => this.#readiness.wait('append'),
    })
    this.#follower = new Follower({
      readAfter: (seq) => readPage(this.#commands, [{ text: '>' }], seq, pageSize),
      saw: (epoch, seq) => this.#commands.saw(epoch, seq),
      onError: (error) => this.#report(error),
    })
    this.#lookups = createLookups((command) => this.#ask(command), { timeoutMs: commandTimeoutMs, runtime })
    this.#upkeep = new Upkeep({
      settings,
      owner: this.#owner,
      commands: this.#commands,
      connections: this.#connections,
      follower: this.#follower,
      failures,
      readiness: this.#readiness,
    })
    this.#connections.open()
    this.#upkeep.look()
  }

  ready(): Promise<void> {
    return this.#readiness.wait('reach Redis')
  }

  async append(event: LoggedEvent): Promise<Position> {
    checkTopic(event.topic)
    return this.#queue.append(event)
  }

  async claim(topic: string): Promise<TopicState> {
    checkTopic(topic)
    const { runtime, leaseMs } = this.#settings
    const token = randomWord(runtime)
    const { values } = await this.#ask({
      script: scripts.claim,
      operation: `claim ${topic}`,
      changes: 'the log',
      args: () => [topic, this.#owner, token, String(leaseMs)],
    })
    const [state] = values
    if (state === 'open') this.#upkeep.hold(topic)
    return state as TopicState
  }

  async end(event: LoggedEvent, ttlMs: number): Promise<Position | undefined> {
    const { topic } = event
    checkTopic(topic)
    // From here on its lease is not renewed: should the end fail, another process ends it.
    this.#upkeep.release(topic)
    const token = randomWord(this.#settings.runtime)
    const { epoch, values } = await this.#ask({
      script: scripts.end,
      operation: `end ${topic}`,
      changes: 'the log',
      args: () => [topic, encodeEvent(event), token, String(ttlMs)],
    })
    const [seq = ''] = values
    return seq === '' ? undefined : { epoch, seq: Number(seq) }
  }

  async cancel(topic: string): Promise<TopicState> {
    checkTopic(topic)
    const { values } = await this.#ask({
      script: scripts.cancel,
      operation: `cancel ${topic}`,
      changes: 'nothing',
      args: () => [topic],
    })
    return values[0] as TopicState
  }

  async status(topic: string): Promise<TopicStatus> {
    checkTopic(topic)
    return this.#lookups.statuses.ask(topic)
  }

  async read(patterns: readonly TopicPattern[], after: number, limit: number): Promise<LogPage> {
    await this.#readiness.wait('read')
    const page = await readPage(this.#commands, patterns, after, limit)
    // Whoever reads is at a place of the epoch that the tail has told of. Of another one it is to hear first.
    for (let attempt = 0; this.#follower.position?.epoch !== page.epoch; attempt += 1) {
      if (attempt === 3) {
        throw new LogUnavailableError('log-unavailable', 'read', 'the log goes on in another epoch')
      }
      await this.#follower.catchUp()
    }
    const { entries, more, evictedUpTo } = page
    return { entries, more, evictedUpTo }
  }

  tail(listener: LogTailListener): () => void {
    return this.#follower.listen(listener)
  }

  head(): Promise<Position> {
    return this.#lookups.heads.ask(undefined)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#readiness.close()
    this.#upkeep.stop()
    this.#follower.stop()
    this.#commands.refuseUnsent()
    await this.#queue.close()
    this.#commands.close()
    this.#connections.close()
  }

  async #ask(command: Command): Promise<Reply> {
    await this.#readiness.wait(command.operation)
    return this.#commands.run(command)
  }

  #report(error: unknown): void {
    if (!this.#readiness.isClosed) this.#failures.report(error)
  }
}
