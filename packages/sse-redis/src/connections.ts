import type { Runtime } from '@sse-toolkit/sse-server'
import type { RedisClient } from './redis-client.ts'

/** The two connections of a process: what is asked, and what is heard. Each is opened again whenever it fails. */
export interface Connections {
  /** The one that is asked; null while it cannot be. Another object each time that it was opened. */
  readonly commands: RedisClient | null
  /** Whether the channel is heard, as far as one can know. */
  readonly isSubscribed: boolean
  open(): void
  /** In the place of one that is dead, or leads to the wrong server. */
  renewCommands(): void
  renewSubscription(): void
  close(): void
}

export interface ConnectionsOptions {
  readonly redis: RedisClient | undefined
  readonly url: string | undefined
  readonly channel: string
  /** How long each step of opening may take: to connect, with the handshake; to subscribe. */
  readonly stepTimeoutMs: number
  readonly runtime: Runtime
  readonly onMessage: (text: string) => void
  /** Commands can be asked: for the first time, or again. */
  readonly onCommandsOpen: () => void
  /** The channel is heard: for the first time, or after a while in which it was not. */
  readonly onSubscribed: () => void
  readonly onError: (error: unknown) => void
}
