import type { RedisClientOptions } from '@redis/client'
import { Connection } from './connection.ts'
import type { Connections, ConnectionsOptions, Lane } from './connections.ts'
import type { RedisClient } from './redis-client.ts'

/** A client of one server. It can be duplicated. */
export interface SingleClient extends RedisClient {
  readonly options: RedisClientOptions
  duplicate(overrides: RedisClientOptions): RedisClient
}

/** Connections that make their own clients, with the settings of a model. */
export class OwnConnections implements Connections {
  readonly #lanes: Readonly<Record<Lane, Connection>>
  readonly #subscription: Connection

  constructor(options: ConnectionsOptions, model: SingleClient) {
    const { channel, onMessage, onOpen, onSubscribed, stepTimeoutMs } = options
    // The client neither queues commands nor reconnects: the log has its own bounded queues, and opens each
    // connection from nothing.
    const createClient = (signal: AbortSignal): RedisClient => {
      const own = { connectTimeout: stepTimeoutMs, reconnectStrategy: false, signal }
      const socket = { ...model.options.socket, ...own } as NonNullable<RedisClientOptions['socket']>
      return model.duplicate({ disableOfflineQueue: true, socket })
    }
    const shared = { ...options, createClient }
    this.#lanes = {
      commands: new Connection({ ...shared, onOpen }),
      reads: new Connection({ ...shared, onOpen }),
    }
    this.#subscription = new Connection({
      ...shared,
      preparation: {
        operation: `subscribe to ${channel}`,
        run: (client) => client.sSubscribe(channel, onMessage),
      },
      onOpen: onSubscribed,
    })
  }

  get commands(): RedisClient | null {
    return this.#lanes.commands.client
  }

  get reads(): RedisClient | null {
    // Opened with the first read: a process that only publishes needs none.
    this.#lanes.reads.open()
    return this.#lanes.reads.client
  }

  get isSubscribed(): boolean {
    return this.#subscription.client !== null
  }

  open(): void {
    this.#lanes.commands.open()
    this.#subscription.open()
  }

  renew(lane: Lane): void {
    this.#lanes[lane].renew()
  }

  renewSubscription(): void {
    this.#subscription.renew()
  }

  close(): void {
    this.#lanes.commands.close()
    this.#lanes.reads.close()
    this.#subscription.close()
  }
}
