import { createClient, type RedisClientOptions } from '@redis/client'
import { OptionError, type Runtime } from '@sse-toolkit/sse-server'
import type { RedisClient } from './redis-client.ts'

/** The two connections of a process: what is asked, and what is heard. */
export interface Connections {
  /** The one that is asked. Another object after it was renewed. */
  readonly commands: RedisClient
  /** Resolves when both are connected, and the channel is subscribed to. */
  open(): Promise<void>
  /** In the place of one that is dead, or leads to the wrong server. */
  renewCommands(): void
  renewSubscriber(): void
  close(): void
}

export interface ConnectionsOptions {
  readonly redis: RedisClient | undefined
  readonly url: string | undefined
  readonly channel: string
  readonly connectTimeoutMs: number
  readonly runtime: Runtime
  readonly onMessage: (text: string) => void
  /** The channel is heard again, after a while in which it was not. */
  readonly onResubscribed: () => void
  readonly onError: (error: unknown) => void
}

/** A client of one server, of which others like it can be made. */
interface SingleClient extends RedisClient {
  readonly options: RedisClientOptions
  duplicate(overrides: RedisClientOptions): RedisClient
}

// The longest wait between two attempts to connect, half of which is by chance: the processes of a hub must not come back
// together.
const maxReconnectDelayMs = 500

/** @throws {@link OptionError} */
export function createConnections(options: ConnectionsOptions): Connections {
  const { redis, url } = options
  if ((redis === undefined) === (url === undefined)) {
    throw new OptionError('redis', redis, 'given, or url in its place')
  }
  if (redis !== undefined && !isSingle(redis)) return borrow(redis, options)
  return new OwnConnections(options, () =>
    redis === undefined ? fromUrl(url ?? '', options) : duplicateOf(redis, options),
  )
}

/** Clusters and sentinels have no state of a subscriber of their own. */
function isSingle(redis: RedisClient): redis is SingleClient {
  return 'isPubSubActive' in redis && 'duplicate' in redis
}

/** No command waits in the client: the log has queues of its own, with limits. */
function settings({ connectTimeoutMs, runtime }: ConnectionsOptions): RedisClientOptions {
  return {
    disableOfflineQueue: true,
    socket: {
      connectTimeout: connectTimeoutMs,
      reconnectStrategy: (retries) =>
        Math.min(maxReconnectDelayMs, 25 * 2 ** Math.min(retries, 10)) * (0.5 + 0.5 * runtime.random()),
    },
  }
}

function fromUrl(url: string, options: ConnectionsOptions): RedisClient {
  try {
    return createClient({ ...settings(options), url }) as RedisClient
  } catch {
    // The value may hold a password.
    const expected = 'redis://[user:password@]host[:port][/database], or rediss://'
    throw new OptionError('url', '(not shown)', expected)
  }
}

function duplicateOf(client: SingleClient, options: ConnectionsOptions): RedisClient {
  const own = settings(options)
  const socket = { ...client.options.socket, ...own.socket } as NonNullable<RedisClientOptions['socket']>
  return client.duplicate({ ...own, socket })
}

/**
 * Two clients that connect again by themselves when their connection breaks. When it is dead without a word they do not
 * notice, since what is written counts as life for them: then the log renews them.
 */
class OwnConnections implements Connections {
  readonly #options: ConnectionsOptions
  readonly #create: () => RedisClient
  #commands: RedisClient
  #subscriber: RedisClient
  #isClosed = false

  constructor(options: ConnectionsOptions, create: () => RedisClient) {
    this.#options = options
    this.#create = create
    this.#commands = this.#createClient()
    this.#subscriber = this.#createClient()
  }

  get commands(): RedisClient {
    return this.#commands
  }

  async open(): Promise<void> {
    await Promise.all([this.#commands.connect(), this.#subscribe(this.#subscriber)])
  }

  renewCommands(): void {
    if (this.#isClosed) return
    this.#discard(this.#commands)
    const client = this.#createClient()
    this.#commands = client
    client.connect().catch((error: unknown) => {
      // One that was discarded while it connected fails by that.
      if (client === this.#commands) this.#options.onError(error)
    })
  }

  renewSubscriber(): void {
    if (this.#isClosed) return
    this.#discard(this.#subscriber)
    const client = this.#createClient()
    this.#subscriber = client
    this.#subscribe(client).then(this.#options.onResubscribed, (error: unknown) => {
      if (client === this.#subscriber) this.#options.onError(error)
    })
  }

  close(): void {
    this.#isClosed = true
    this.#discard(this.#commands)
    this.#discard(this.#subscriber)
  }

  async #subscribe(client: RedisClient): Promise<void> {
    await client.connect()
    await client.sSubscribe(this.#options.channel, this.#options.onMessage)
    // From now on the client subscribes by itself, before it is ready again.
    client.on('ready', this.#options.onResubscribed)
  }

  #createClient(): RedisClient {
    const client = this.#create()
    client.on('error', this.#options.onError)
    return client
  }

  #discard(client: RedisClient): void {
    client.off('ready', this.#options.onResubscribed)
    if (client.isOpen) client.destroy()
  }
}

/** The user's own, who opens and closes it, and sets it up; it finds out by itself which node is the master. */
function borrow(redis: RedisClient, options: ConnectionsOptions): Connections {
  const { channel, onMessage, onError } = options
  redis.on('error', onError)
  return {
    commands: redis,
    open: async () => {
      if (!redis.isOpen) await redis.connect()
      await redis.sSubscribe(channel, onMessage)
    },
    renewCommands: () => undefined,
    renewSubscriber: () => undefined,
    close: () => {
      redis.off('error', onError)
      if (redis.isOpen) redis.sUnsubscribe(channel, onMessage).catch(onError)
    },
  }
}
