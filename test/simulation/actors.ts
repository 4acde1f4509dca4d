import type { ByteSource, Hub, HubEventView } from '@sse-toolkit/sse-server'
import type { Host } from './network-types.ts'
import type { Death } from './mortal-connections.ts'
import type { ActorTimers } from './timers.ts'

/** A server that crashes and is started again: a hub, and the application around it. */
export interface ServerProcess extends Host {
  readonly name: string
  /** Undefined while it is down. */
  readonly hub: Hub | undefined
  /** The application's own. */
  readonly timers: ActorTimers | undefined
  start(): void
  /** Its memory is lost; its connections are reset, or fall silent. */
  crash(how: 'reset' | 'silence'): void
  /** The same, in the midst of what its log is writing. Nothing happens to a process that is down by then. */
  crashAtStatement(death: Death, how: 'reset' | 'silence', whenDown: () => void): void
  /** Ends cleanly. Resolves when it has ended and left nothing behind. */
  stop(options: { readonly drainMs: number; readonly timeoutMs: number }): Promise<void>
}

/** A client of the real package, and the application that reads it. */
export interface ClientActor {
  readonly name: string
  /** What it asks for, and is granted. */
  readonly topics: readonly string[]
  /** Open and in possession of everything, or closed as it had to be. */
  readonly isContent: boolean
  /** What speaks against it. */
  readonly complaint: string
  open(): void
  reconnect(): void
  jumpClock(byMs: number): void
  /** As a page that is left and comes back, or a process that restarts: it goes on from the position it has saved. */
  reopen(): void
  gotFirstBlock(ranks: StartRanks): void
  /** Closes for good, and shows that nothing is left. */
  close(): void
}

/** One request to a hub, as the judge sees it: the events it may get, and those it receives. */
export interface Session {
  readonly client: string
  /** That serves it. */
  readonly process: string
  readonly topics: readonly string[]
  readonly filter: ((event: HubEventView) => boolean) | undefined
  readonly onBytes: (bytes: Uint8Array) => void
  /** The same source, with its writes counted. */
  readonly watch: (source: ByteSource) => ByteSource
  /** The hub has made its answer. */
  respond(status: number): void
  /** This identity must get no event that is stored from now on. */
  revoke(): void
}

/** Where in the history the answer to a request came about. */
export interface StartRanks {
  /** Where the log's epoch began. */
  readonly beganAt: number
  /** The log's head when the answer was made. */
  readonly respondedAt: number
  /** All its topics were finite, and begun, as it came in. */
  readonly wasFinite: boolean
}
