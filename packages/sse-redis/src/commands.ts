import { HubClosedError, type Runtime } from '@sse-toolkit/sse-server'
import { LogFullError } from './errors/log-full-error.ts'
import { LogUnavailableError } from './errors/log-unavailable-error.ts'
import { OutcomeUnknownError } from './errors/outcome-unknown-error.ts'
import type { Connections } from './connections.ts'
import { randomWord } from './random-word.ts'
import type { RedisClient } from './redis-client.ts'
import { judgeFailure } from './redis-failure.ts'
import type { Script } from './script.ts'

/** What a script answers: the epoch, the head's seq, the seq from which the epoch began, and what it was asked for. */
export interface Reply {
  readonly epoch: string
  readonly seq: number
  readonly base: number
  readonly values: readonly string[]
}

/** One thing that Redis is asked for. */
export interface Command {
  readonly script: Script
  /** What it is, for the text of an error: `append to orders.42`. */
  readonly operation: string
  /** Called for each attempt. `isRetry`: one before it may have been carried out. */
  readonly args: (isRetry: boolean) => readonly string[]
  /** Whether it is worse to have been done than not: then a lost answer is told as such. */
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

const late = Symbol('late')

/**
 * Asks Redis, until it answers or the time is over.
 *
 * Every script can be asked again when its answer was lost, so a connection that breaks costs time, and nothing else.
 */
export class Commands {
  readonly #options: CommandsOptions
  // What this process knows of the log, which it tells with each command: by it a Redis that lacks something is found out.
  #epoch = ''
  #seen = 0
  #freshEpoch: string
  #repliedAt = Number.NEGATIVE_INFINITY
  #leftAt = Number.NEGATIVE_INFINITY
  #nextAttempt: Promise<void> | null = null
  #isClosed = false

  constructor(options: CommandsOptions) {
    this.#options = options
    this.#freshEpoch = randomWord(options.runtime)
  }

  get epoch(): string {
    return this.#epoch
  }

  /** The greatest `seq` of the epoch that this process has met. */
  get seen(): number {
    return this.#seen
  }

  /** An event of that place has been heard of. */
  saw(epoch: string, seq: number): void {
    if (epoch === this.#epoch && seq > this.#seen) this.#seen = seq
  }

  /**
   * @throws {@link LogUnavailableError}, {@link OutcomeUnknownError}, {@link LogFullError} or `HubClosedError`
   */
  async run(command: Command): Promise<Reply> {
    const { runtime, commandTimeoutMs, connections } = this.#options
    const { script, operation, args, changes, timeoutMs = commandTimeoutMs } = command
    const deadline = runtime.now() + timeoutMs
    let isRetry = false
    let cause: unknown
    for (;;) {
      if (this.#isClosed) throw new HubClosedError()
      const leftMs = deadline - runtime.now()
      if (leftMs <= 0) break
      const client = connections.commands
      const sentAt = runtime.now()
      try {
        const reply = await this.#within(leftMs, this.#send(client, script, args(isRetry)))
        if (reply !== late) return this.#observe(reply)
        // Nor has anything else come back: the connection is dead.
        if (client === connections.commands && this.#repliedAt < sentAt) connections.renewCommands()
        isRetry = true
        break
      } catch (error) {
        cause = error
        const failure = judgeFailure(error)
        if (failure === 'full') throw new LogFullError({ cause })
        if (failure === 'refused') {
          throw new LogUnavailableError('log-unavailable', operation, messageOf(error), { cause })
        }
        if (failure === 'demoted') this.#leave(client)
        isRetry ||= failure === 'lost'
      }
      await this.#within(deadline - runtime.now(), this.#untilNextAttempt())
    }
    const fact = `Redis did not answer within ${commandTimeoutMs} ms`
    const options = cause === undefined ? undefined : { cause }
    if (isRetry && changes === 'the log') throw new OutcomeUnknownError(operation, fact, options)
    throw new LogUnavailableError('log-unavailable', operation, fact, options)
  }

  close(): void {
    this.#isClosed = true
  }

  /** What was the master is so no more: the address leads elsewhere by now, or will soon. */
  #leave(client: RedisClient): void {
    const { connections, runtime } = this.#options
    if (client !== connections.commands || runtime.now() - this.#leftAt < 500) return
    this.#leftAt = runtime.now()
    connections.renewCommands()
    connections.renewSubscriber()
  }

  #observe(values: readonly string[]): Reply {
    const [epoch = '', seqText = '0', baseText = '0'] = values
    const seq = Number(seqText)
    this.#repliedAt = this.#options.runtime.now()
    this.#seen = epoch === this.#epoch ? Math.max(this.#seen, seq) : seq
    this.#epoch = epoch
    if (epoch === this.#freshEpoch) this.#freshEpoch = randomWord(this.#options.runtime)
    return { epoch, seq, base: Number(baseText), values: values.slice(3) }
  }

  async #send(client: RedisClient, script: Script, own: readonly string[]): Promise<readonly string[]> {
    const { keys, channel, failover, maxEvents, maxAgeMs } = this.#options
    const limits = [String(maxEvents), String(maxAgeMs)]
    const log = [channel, this.#epoch, String(this.#seen), this.#freshEpoch, failover]
    const reply = await evaluate(client, script, keys, [...log, ...limits, ...own])
    return reply as readonly string[]
  }

  async #within<T>(delayMs: number, promise: Promise<T>): Promise<T | typeof late> {
    const { runtime } = this.#options
    let timer: unknown
    const deadline = new Promise<typeof late>((resolve) => {
      timer = runtime.setTimeout(() => resolve(late), Math.max(0, delayMs))
    })
    try {
      return await Promise.race([promise, deadline])
    } finally {
      runtime.clearTimeout(timer)
    }
  }

  /** However many wait, one timer. */
  #untilNextAttempt(): Promise<void> {
    this.#nextAttempt ??= new Promise((resolve) => {
      this.#options.runtime.setTimeout(
        () => {
          this.#nextAttempt = null
          resolve()
        },
        25 + 50 * this.#options.runtime.random(),
      )
    })
    return this.#nextAttempt
  }
}

/** By its hash; whole when Redis does not know it: at first, after a restart, or `SCRIPT FLUSH`. */
export async function evaluate(
  client: RedisClient,
  script: Script,
  keys: readonly string[],
  args: readonly string[],
): Promise<unknown> {
  const options = { keys: [...keys], arguments: [...args] }
  try {
    return await client.evalSha(await script.sha1, options)
  } catch (error) {
    if (!messageOf(error).startsWith('NOSCRIPT')) throw error
    return client.eval(script.text, options)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
