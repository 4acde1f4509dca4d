import type { Runtime } from '@sse-toolkit/sse-server'
import { Backoff } from './backoff.ts'
import { Deadlines, late } from './deadlines.ts'
import { LogUnavailableError } from '../errors/log-unavailable-error.ts'
import type { RedisClient } from './redis-client.ts'

export interface ConnectionOptions {
  /** Makes a client that does not reconnect. Aborting the signal closes its socket, even while it connects. */
  readonly createClient: (signal: AbortSignal) => RedisClient
  /** The step after connecting. `operation` is for the text of an error: `subscribe to {sse}:events`. */
  readonly preparation?: {
    readonly operation: string
    readonly run: (client: RedisClient) => Promise<unknown>
  }
  /** How long each step may take. */
  readonly stepTimeoutMs: number
  readonly runtime: Runtime
  /** The connection can be used, for the first time or again. */
  readonly onOpen: () => void
  readonly onError: (error: unknown) => void
}

interface Attempt {
  readonly client: RedisClient
  readonly socket: AbortController
  readonly deadlines: Deadlines
}

/**
 * One connection to Redis, opened again whenever it fails, until it is closed.
 *
 *     connect, handshake --> prepare --> open
 *            |                  |          |
 *            '---- error, or too late -----'--> discard the client --> wait --> a new client
 *
 * Each attempt has a new client. So the hundredth attempt is like the first, and inherits nothing from one that failed,
 * such as a subscription that Redis refused or a handshake that was never answered.
 */
export class Connection {
  readonly #options: ConnectionOptions
  readonly #backoff: Backoff
  #attempt: Attempt | null = null
  #state: 'opening' | 'open' | 'closed' = 'opening'

  constructor(options: ConnectionOptions) {
    this.#options = options
    this.#backoff = new Backoff(options.runtime)
  }

  /** Null while the connection cannot be used. */
  get client(): RedisClient | null {
    return this.#state === 'open' ? (this.#attempt?.client ?? null) : null
  }

  open(): void {
    if (this.#state === 'opening' && this.#attempt === null) void this.#open()
  }

  /** Replaces a connection that is dead, or leads to the wrong server. Does nothing while one is being opened. */
  renew(): void {
    if (this.#state !== 'open') return
    this.#discard()
    void this.#open()
  }

  close(): void {
    this.#discard()
    this.#backoff.cancel()
    this.#state = 'closed'
  }

  async #open(): Promise<void> {
    let attempt: Attempt | null = null
    try {
      attempt = this.#createAttempt()
      const { client } = attempt
      const { preparation } = this.#options
      await this.#step(attempt, 'connect to Redis', client.connect())
      if (preparation !== undefined) await this.#step(attempt, preparation.operation, preparation.run(client))
      if (attempt !== this.#attempt) return
    } catch (error) {
      this.#failed(attempt, error)
      return
    }
    this.#state = 'open'
    this.#backoff.succeeded()
    this.#options.onOpen()
  }

  #createAttempt(): Attempt {
    const socket = new AbortController()
    const client = this.#options.createClient(socket.signal)
    const attempt = { client, socket, deadlines: new Deadlines(this.#options.runtime) }
    this.#attempt = attempt
    // The listeners stay after the client is discarded: an `error` event without one would end the process.
    client.on('error', (error) => this.#failed(attempt, error))
    client.on('sharded-channel-moved', () => {
      this.#failed(
        attempt,
        new Error('Redis ended the subscription, because another node serves its slot now'),
      )
    })
    return attempt
  }

  async #step(attempt: Attempt, operation: string, promise: Promise<unknown>): Promise<void> {
    const { stepTimeoutMs } = this.#options
    if ((await attempt.deadlines.within(promise, stepTimeoutMs)) !== late) return
    const fact = `Redis did not answer within ${stepTimeoutMs} ms`
    throw new LogUnavailableError('log-unavailable', operation, fact)
  }

  #failed(attempt: Attempt | null, error: unknown): void {
    // A discarded client fails because it was discarded.
    if (attempt !== this.#attempt || this.#state === 'closed') return
    this.#discard()
    this.#backoff.schedule(() => void this.#open())
    this.#options.onError(error)
  }

  #discard(): void {
    const attempt = this.#attempt
    if (attempt === null) return
    this.#attempt = null
    this.#state = 'opening'
    attempt.deadlines.cancel(new Error('This connection to Redis was discarded'))
    destroy(attempt.client)
    // The client does not know its socket before that is connected, and would leave it connecting.
    attempt.socket.abort()
  }
}

function destroy(client: RedisClient): void {
  try {
    client.destroy()
  } catch (error) {
    // Before version 6, `destroy` throws if the client is closed already.
    if (client.isOpen) throw error
  }
}
