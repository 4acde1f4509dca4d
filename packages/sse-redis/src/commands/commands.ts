import { HubClosedError } from '@sse-toolkit/sse-server'
import type { Runtime } from '@sse-toolkit/sse-server'
import { LogFullError } from '../errors/log-full-error.ts'
import { LogUnavailableError } from '../errors/log-unavailable-error.ts'
import { OutcomeUnknownError } from '../errors/outcome-unknown-error.ts'
import type { Connections } from '../connection/connections.ts'
import { Deadlines, late } from '../connection/deadlines.ts'
import { randomWord } from '../random-word.ts'
import type { RedisClient } from '../connection/redis-client.ts'
import { classifyFailure } from './redis-failure.ts'
import type { Script } from './script.ts'

/** What each script of the log answers: the epoch, the head's `seq`, the `seq` after which the epoch began, and its result. */
export interface Reply {
  readonly epoch: string
  readonly seq: number
  readonly base: number
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
}

export interface CommandsOptions {
  readonly connections: Connections
  readonly keys: readonly string[]
  readonly channel: string
  readonly failover: 'lossy' | 'lossless'
  readonly maxEvents: number
  readonly maxAgeMs: number
  readonly commandTimeoutMs: number
  readonly runtime: Runtime
}

/** What a call is for, apart from how it is made. */
type Request = Pick<Command, 'operation' | 'changes' | 'timeoutMs'>

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
  #repliedAt = Number.NEGATIVE_INFINITY
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
  saw(epoch: string, seq: number): void {
    if (epoch === this.#epoch && seq > this.#seen) this.#seen = seq
  }

  /**
   * Runs a script of the log.
   *
   * @throws {@link LogUnavailableError}, {@link OutcomeUnknownError}, {@link LogFullError} or `HubClosedError`
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

  async #ask(
    { operation, changes, timeoutMs }: Request,
    send: (client: RedisClient, isRetry: boolean) => Promise<readonly string[]>,
  ): Promise<readonly string[]> {
    const { runtime, commandTimeoutMs, connections } = this.#options
    const deadline = runtime.now() + (timeoutMs ?? commandTimeoutMs)
    let isRetry = false
    let cause: unknown
    for (;;) {
      if (this.#state === 'closed' || (this.#state === 'closing' && !isRetry)) throw new HubClosedError()
      const sentAt = runtime.now()
      if (sentAt >= deadline) break
      const client = connections.commands
      if (client !== null) {
        try {
          const reply = await this.#deadlines.within(send(client, isRetry), deadline - sentAt)
          if (reply !== late) {
            this.#repliedAt = runtime.now()
            return reply
          }
          // Nothing else came back either: the connection is dead.
          if (client === connections.commands && this.#repliedAt < sentAt) connections.renewCommands()
          isRetry = true
          break
        } catch (error) {
          if (error instanceof HubClosedError) throw error
          cause = error
          const failure = classifyFailure(error)
          if (failure === 'full') throw new LogFullError({ cause })
          if (failure === 'refused') {
            throw new LogUnavailableError('log-unavailable', operation, messageOf(error), { cause })
          }
          if (failure === 'demoted') this.#leave(client)
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

  /** The server is not the master any more: the address leads to another one by now, or will soon. */
  #leave(client: RedisClient): void {
    const { connections, runtime } = this.#options
    if (client !== connections.commands || runtime.now() - this.#leftAt < 500) return
    this.#leftAt = runtime.now()
    connections.renewCommands()
    connections.renewSubscription()
  }

  #observe(values: readonly string[]): Reply {
    const [epoch = '', seqText = '0', baseText = '0'] = values
    const seq = Number(seqText)
    this.#seen = epoch === this.#epoch ? Math.max(this.#seen, seq) : seq
    this.#epoch = epoch
    return { epoch, seq, base: Number(baseText), values: values.slice(3) }
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
