import { HubClosedError } from '@sse-toolkit/sse-server'
import { Backoff } from './backoff.ts'
import type { Connections, ConnectionsOptions } from './connections.ts'
import { Deadlines, late } from './deadlines.ts'
import { LogUnavailableError } from '../errors/log-unavailable-error.ts'
import type { RedisClient } from './redis-client.ts'

/**
 * The connections of the user's own client of a cluster or a sentinel. The user sets it up and closes it; it finds the
 * master and reconnects by itself. Each step has a deadline all the same, and is repeated when it fails.
 */
export class BorrowedConnections implements Connections {
  readonly #redis: RedisClient
  readonly #options: ConnectionsOptions
  readonly #deadlines: Deadlines
  readonly #backoff: Backoff
  #state: 'idle' | 'subscribing' | 'subscribed' | 'closed' = 'idle'

  constructor(redis: RedisClient, options: ConnectionsOptions) {
    this.#redis = redis
    this.#options = options
    this.#deadlines = new Deadlines(options.runtime)
    this.#backoff = new Backoff(options.runtime)
  }

  get commands(): RedisClient | null {
    return this.#redis.isOpen ? this.#redis : null
  }

  get reads(): RedisClient | null {
    return this.commands
  }

  get isSubscribed(): boolean {
    return this.#state === 'subscribed'
  }

  open(): void {
    if (this.#state !== 'idle') return
    this.#redis.on('error', this.#options.onError)
    this.#state = 'subscribing'
    void this.#subscribe()
  }

  renew(): void {
    // The client does so by itself.
  }

  renewSubscription(): void {
    if (this.#state !== 'subscribed') return
    this.#state = 'subscribing'
    void this.#resubscribe()
  }

  close(): void {
    const wasOpen = this.#state === 'subscribing' || this.#state === 'subscribed'
    this.#state = 'closed'
    this.#backoff.cancel()
    this.#deadlines.cancel(new HubClosedError())
    if (!wasOpen) return
    const { channel, onMessage, onError } = this.#options
    this.#redis.off('error', onError)
    if (this.#redis.isOpen) this.#redis.sUnsubscribe(channel, onMessage).catch(onError)
  }

  /** A client that believes it is subscribed would not send the command again. */
  async #resubscribe(): Promise<void> {
    const { channel, onMessage } = this.#options
    try {
      await this.#step(`unsubscribe from ${channel}`, () => this.#redis.sUnsubscribe(channel, onMessage))
    } catch (error) {
      this.#report(error)
    }
    await this.#subscribe()
  }

  async #subscribe(): Promise<void> {
    const { channel, onMessage, onSubscribed } = this.#options
    try {
      if (!this.#redis.isOpen) await this.#step('connect to Redis', () => this.#redis.connect())
      await this.#step(`subscribe to ${channel}`, () => this.#redis.sSubscribe(channel, onMessage))
    } catch (error) {
      if (this.#state === 'closed') return
      this.#backoff.schedule(() => void this.#subscribe())
      this.#report(error)
      return
    }
    if (this.#state === 'closed') return
    this.#state = 'subscribed'
    this.#backoff.succeeded()
    onSubscribed()
  }

  #report(error: unknown): void {
    if (this.#state !== 'closed') this.#options.onError(error)
  }

  async #step(operation: string, run: () => Promise<unknown>): Promise<void> {
    const { stepTimeoutMs } = this.#options
    // A client may throw as well as reject.
    const answered = Promise.resolve().then(run)
    if ((await this.#deadlines.within(answered, stepTimeoutMs)) !== late) return
    const fact = `Redis did not answer within ${stepTimeoutMs} ms`
    throw new LogUnavailableError('log-unavailable', operation, fact)
  }
}
