import type { Runtime } from '@sse-toolkit/sse-server'
import type { RedisClient } from './redis-client.ts'

/** Over which connection: what is read never waits before what is appended. */
export type Lane = 'commands' | 'reads'

/**
 * The three connections of a process: for commands, for reads, and for the channel. Each is opened again whenever it fails.
 */
export interface Connections {
  /** The client that runs commands; null while it is not connected. A different client after each reconnect. */
  readonly commands: RedisClient | null
  /** The client that reads, which may be the same. Its connection is opened when this is first looked at. */
  readonly reads: RedisClient | null
  /** Whether the channel is subscribed to. The connection may be dead without anybody knowing yet. */
  readonly isSubscribed: boolean
  open(): void
  /** Replaces a connection that is dead, or leads to the wrong server. */
  renew(lane: Lane): void
  renewSubscription(): void
  close(): void
}

export interface ConnectionsOptions {
  readonly redis: RedisClient | undefined
  readonly url: string | undefined
  readonly channel: string
  /** How long each step of opening may take: connect with the handshake, subscribe. */
  readonly stepTimeoutMs: number
  readonly runtime: Runtime
  readonly onMessage: (text: string) => void
  /** `commands` or `reads` is connected, for the first time or again. */
  readonly onOpen: () => void
  /** The channel is subscribed to, for the first time or again. Messages in between were lost. */
  readonly onSubscribed: () => void
  readonly onError: (error: unknown) => void
}
