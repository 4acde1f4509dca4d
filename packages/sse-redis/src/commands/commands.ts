import { HubClosedError } from '@sse-toolkit/sse-server'
import type { Position, Runtime } from '@sse-toolkit/sse-server'
import { IncompatibleRedisError } from '../errors/incompatible-redis-error.ts'
import { LogFullError } from '../errors/log-full-error.ts'
import { LogUnavailableError } from '../errors/log-unavailable-error.ts'
import { OutcomeUnknownError } from '../errors/outcome-unknown-error.ts'
import type { Connections, Lane } from '../connection/connections.ts'
import { Deadlines, late } from '../connection/deadlines.ts'
import { randomWord } from '../random-word.ts'
import type { RedisClient, StreamEntry } from '../connection/redis-client.ts'
import { keysVersion } from './keys.ts'
import { classifyFailure } from './redis-failure.ts'
import type { Script } from './script.ts'

/** The log, as each script's reply begins with it. */
export interface LogState {
  readonly epoch: string
  /** The `seq` of the head. */
  readonly seq: number
  /** The `seq` after which the epoch began. */
  readonly base: number
  /** The `seq` up to which every event was evicted. */
  readonly trimmed: number
  /** How many topics have expired so far. */
  readonly expiries: number
  /** How many control entries have been announced so far. */
  readonly controlled: number
}

export interface Reply extends LogState {
  /** The script's own result. */
  readonly values: readonly string[]
}

/** One call of a script. */
export interface Command {
  readonly script: Script
  /** What it does, for the text of an error: `append to orders.42`. */
  readonly operation: string
  /** Called for each attempt. `isRetry`: Redis may have run an earlier one. */
  readonly args: (isRetry: boolean) => readonly string[]
  /** For `the log`, a lost answer is an `OutcomeUnknownError`: running it may matter as much as not running it. */
  readonly changes: 'nothing' | 'the log'
  /** @defaultValue `commandTimeoutMs` */
  readonly timeoutMs?: number
  /** @defaultValue `commands` */
  readonly lane?: Lane
  /** Called once Redis is done with it, which may be after its deadline. */
  readonly settled?: () => void
}

/** One read of the bare stream. */
export interface RangeRead {
  readonly operation: string
  /** The first and last `seq`. */
  readonly first: number
  readonly last: number
  readonly timeoutMs: number
  /** As of a {@link Command}. */
  readonly settled: () => void
}

export interface CommandsOptions {
  readonly connections: Connections
  readonly keys: readonly string[]
  readonly channel: string
  readonly namespace: string
  readonly failover: 'lossy' | 'lossless'
  readonly maxEvents: number
  readonly maxAgeMs: number
  readonly commandTimeoutMs: number
  readonly runtime: Runtime
  /** Called with each reply, in which order they come. */
  readonly onState: (state: LogState) => void
}

// Of how many values the state of the log consists.
const stateLength = 6

/** What a call is for, apart from how it is made. */
type Request = Pick<Command, 'operation' | 'changes' | 'timeoutMs' | 'lane' | 'settled'>

/**
 * Runs scripts on Redis, and repeats each until Redis answers or its time is over.
 *
 * Every script can be repeated after its answer was lost. So a connection that breaks costs time, and nothing else.
 */
export class Commands {
  readonly #options: CommandsOptions
  readonly #deadlines: Deadlines
  // What this process has seen of the log. It sends this with each command, so that a Redis that lacks some of it shows.
  #epoch = ''
  #seen = 0
  readonly #repliedAt = { commands: Number.NEGATIVE_INFINITY, reads: Number.NEGATIVE_INFINITY }
  #leftAt = Number.NEGATIVE_INFINITY
  #nextAttempt: Promise<unknown> | null = null
  #attemptNow: () => void = () => undefined
  #state: 'open' | 'closing' | 'closed' = 'open'

  constructor(options: CommandsOptions) {
    this.#options = options
    this.#deadlines = new Deadlines(options.runtime)
  }

  get epoch(): string {
    return this.#epoch
  }

  /** The greatest `seq` of the epoch that this process has seen. */
  get seen(): number {
    return this.#seen
  }

  /** An event at this position was seen. */
  saw({ epoch, seq }: Position): void {
    if (epoch === this.#epoch && seq > this.#seen) this.#seen = seq
  }

  /**
   * Runs a script of the log.
   *
   * @throws {@link LogUnavailableError}, {@link OutcomeUnknownError}, {@link LogFullError}, {@link IncompatibleRedisError} or
   *   `HubClosedError`
   */
  async run(command: Command): Promise<Reply> {
    const { script, args } = command
    return this.#observe(
      await this.#ask(command, (client, isRetry) => this.#evaluate(client, script, args(isRetry))),
    )
  }

  /**
   * Runs a script that inspects the server, and touches no key.
   *
   * @throws {@link LogUnavailableError} or `HubClosedError`
   */
  async inspect(script: Script): Promise<readonly string[]> {
    const keys = this.#options.keys.slice(0, 1)
    return this.#ask({ operation: 'inspect Redis', changes: 'nothing' }, (client) =>
      evaluate(client, script, keys, []),
    )
  }

  /** Whether the client can read a range of a stream: one that is made for the log may lack it. */
  get canReadRange(): boolean {
    return this.#options.connections.reads?.xRange !== undefined
  }

  /**
   * Reads events without a script, which costs Redis an eighth of it. It may come from a replica that is behind, or from a
   * server that has lost them: see the prelude for how to tell.
   *
   * @throws {@link LogUnavailableError} or `HubClosedError`
   */
  readRange({ first, last, ...request }: RangeRead): Promise<readonly StreamEntry[]> {
    const [, log = ''] = this.#options.keys
    return this.#ask({ ...request, changes: 'nothing', lane: 'reads' }, async (client) => {
      const found = await client.xRange?.(log, String(first), String(last))
      return found ?? []
    })
  }

  /** The connection is open again: sends what waits for it. */
  retry(): void {
    this.#attemptNow()
  }

  /** Rejects what was not sent yet. Still waits for what was sent, and repeats it if need be. */
  refuseUnsent(): void {
    if (this.#state === 'open') this.#state = 'closing'
  }

  close(): void {
    this.#state = 'closed'
    this.#deadlines.cancel(new HubClosedError())
  }

  async #ask<Answer>(
    request: Request,
    send: (client: RedisClient, isRetry: boolean) => Promise<Answer>,
  ): Promise<Answer> {
    let last: Promise<unknown> | undefined
    try {
      return await this.#askUntilAnswered(request, (client, isRetry) => {
        const answer = send(client, isRetry)
        last = answer
        return answer
      })
    } finally {
      if (request.settled !== undefined) void this.#settle(last, request.settled)
    }
  }

  /** The wait for a user's client that never settles a command ends, too. */
  async #settle(answer: Promise<unknown> | undefined, settled: () => void): Promise<void> {
    try {
      if (answer !== undefined) await this.#deadlines.within(answer, this.#options.commandTimeoutMs)
    } catch {
      // The caller has its answer already.
    } finally {
      settled()
    }
  }

  async #askUntilAnswered<Answer>(
    { operation, changes, timeoutMs, lane = 'commands' }: Request,
    send: (client: RedisClient, isRetry: boolean) => Promise<Answer>,
  ): Promise<Answer> {
    const { runtime, commandTimeoutMs, connections } = this.#options
    const deadline = runtime.now() + (timeoutMs ?? commandTimeoutMs)
    let isRetry = false
    let cause: unknown
    for (;;) {
      if (this.#state === 'closed' || (this.#state === 'closing' && !isRetry)) throw new HubClosedError()
      const sentAt = runtime.now()
      if (sentAt >= deadline) break
      const client = connections[lane]
      if (client !== null) {
        try {
          const reply = await this.#deadlines.within(send(client, isRetry), deadline - sentAt)
          if (reply !== late) {
            this.#repliedAt[lane] = runtime.now()
            return reply
          }
          // Nothing else came back either: the connection is dead.
          if (client === connections[lane] && this.#repliedAt[lane] < sentAt) connections.renew(lane)
          isRetry = true
          break
        } catch (error) {
          if (error instanceof HubClosedError) throw error
          cause = error
          const failure = classifyFailure(error)
          if (failure === 'full') throw new LogFullError({ cause })
          if (failure === 'other-version') throw otherVersion(messageOf(error), this.#options.namespace)
          if (failure === 'refused') {
            throw new LogUnavailableError('log-unavailable', operation, messageOf(error), { cause })
          }
          if (failure === 'halfway') {
            const fact = `It failed halfway: ${messageOf(error)}`
            throw changes === 'the log'
              ? new OutcomeUnknownError(operation, fact, { cause })
              : new LogUnavailableError('log-unavailable', operation, fact, { cause })
          }
          if (failure === 'demoted') this.#leave(client, lane)
          isRetry ||= failure === 'lost'
        }
      }
      await this.#deadlines.within(this.#untilNextAttempt(), deadline - runtime.now())
    }
    const fact = `Redis did not answer within ${commandTimeoutMs} ms.`
    const options = cause === undefined ? undefined : { cause }
    if (isRetry && changes === 'the log') throw new OutcomeUnknownError(operation, fact, options)
    throw new LogUnavailableError('log-unavailable', operation, fact, options)
  }

  /** The server is no longer the master: the address leads to another one by now, or will soon. */
  #leave(client: RedisClient, lane: Lane): void {
    const { connections, runtime } = this.#options
    if (client !== connections[lane] || runtime.now() - this.#leftAt < 500) return
    this.#leftAt = runtime.now()
    connections.renew('commands')
    connections.renew('reads')
    connections.renewSubscription()
  }

  #observe(values: readonly string[]): Reply {
    const [epoch = ''] = values
    const [seq = 0, base = 0, trimmed = 0, expiries = 0, controlled = 0] = values
      .slice(1, stateLength)
      .map(Number)
    this.#seen = epoch === this.#epoch ? Math.max(this.#seen, seq) : seq
    this.#epoch = epoch
    const state = { epoch, seq, base, trimmed, expiries, controlled }
    this.#options.onState(state)
    return { ...state, values: values.slice(stateLength) }
  }

  #evaluate(client: RedisClient, script: Script, own: readonly string[]): Promise<readonly string[]> {
    const { keys, channel, failover, maxEvents, maxAgeMs, runtime } = this.#options
    const limits = [String(maxEvents), String(maxAgeMs)]
    // Each call brings a name for the epoch that it may begin. Two calls under way at once may both begin one.
    const log = [channel, this.#epoch, String(this.#seen), randomWord(runtime), failover]
    return evaluate(client, script, keys, [...log, ...limits, ...own])
  }

  /** All callers share one timer. */
  #untilNextAttempt(): Promise<unknown> {
    if (this.#nextAttempt !== null) return this.#nextAttempt
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#attemptNow = resolve
    const delayMs = 25 + 50 * this.#options.runtime.random()
    this.#nextAttempt = this.#deadlines.within(promise, delayMs).finally(() => {
      this.#nextAttempt = null
    })
    return this.#nextAttempt
  }
}

/** Sends the script's hash; or the script, if Redis does not know it: at first, after a restart, after `SCRIPT FLUSH`. */
async function evaluate(
  client: RedisClient,
  script: Script,
  keys: readonly string[],
  args: readonly string[],
): Promise<readonly string[]> {
  const options = { keys: [...keys], arguments: [...args] }
  try {
    return (await client.evalSha(await script.sha1, options)) as readonly string[]
  } catch (error) {
    if (!messageOf(error).startsWith('NOSCRIPT')) throw error
    return (await client.eval(script.text, options)) as readonly string[]
  }
}

/** @param text - What the script said: `VERSION 1`. */
function otherVersion(text: string, namespace: string): IncompatibleRedisError {
  const found = text.replace(/^VERSION /, '')
  return new IncompatibleRedisError(
    'other-version',
    `The keys {${namespace}}:* are of version ${found}, and this release of sse-redis reads and writes version ${keysVersion}. Give it another namespace; or stop every process of the other release and delete these keys.`,
  )
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
