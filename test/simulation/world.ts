import type { Runtime } from '@sse-toolkit/sse-server'
import type { SeededRandom } from '@sse-toolkit/test-support'
import type { ClientActor, ServerProcess, Session, StartRanks } from './actors.ts'
import type { Authority } from './authority.ts'
import type { History } from './history.ts'
import type { LogHouse, ProcessLog } from './log-house.ts'
import type { Host, Network } from './network-types.ts'
import type { Report, Violation } from './oracle.ts'
import type { Settings } from './settings.ts'
import type { VirtualTime } from './virtual-time.ts'

/** What all actors of one run share. */
export interface World {
  readonly time: VirtualTime
  readonly settings: Settings
  readonly history: History
  readonly network: Network
  readonly authority: Authority
  readonly logs: LogHouse
  readonly processes: readonly ServerProcess[]
  readonly clients: readonly ClientActor[]
  readonly sessions: Set<Session>
  /** How many bytes may wait for one connection. */
  readonly limitBytes: number
  /** What every wall clock shows when the world begins. */
  readonly beganAtMs: number
  /** While it holds, things happen and go wrong. */
  isActive: boolean
  /** The first that was found: nothing after it has a meaning. */
  readonly violation: Violation | undefined
  readonly report: Report
  note(actor: string, what: string, a?: string | number, b?: string | number): void
  /** A generator for one actor. */
  randomOf(actor: string): SeededRandom
  readonly serverWallClock: () => number
  serverClockHasJumped(): boolean
  jumpServerClock(byMs: number): void
  openLog(runtime: Runtime, random: SeededRandom): ProcessLog
  /** Errors that follow from the faults, and say so. */
  isExpected(error: unknown): boolean
  /** Which process a new connection comes to. */
  readonly route: () => Host
  /** The rank at which the log's epoch begins. */
  epochRank(): number
  /** @returns false if it had begun before, in this epoch of the log. */
  jobIsBegun(topic: string): boolean
  /** In this epoch of the log; in doubt it has not. */
  jobHasBegun(topic: string): boolean
  /** Somebody asks for it to be stopped. */
  cancelJob(topic: string): void
  jobWasCancelled(topic: string): boolean
  jobHasEnded(topic: string, when?: 'in this epoch'): boolean
  /** Whether all of it is of this epoch of the log, and its time is not over. */
  jobIsHeld(topic: string): boolean
  /** The index of the last fact that ended one of the topics. */
  lastEndIndex(topics: readonly string[]): number
  /** Whether the log is too small, or evicts too soon, to keep every stored event. */
  mayEvict(): boolean
  /** This identity must get no event from the process that is stored from now on, on any requested connection. */
  forbid(client: string, process: string): void
  /** Every process must know by now, and let it in no more. */
  forbidEverywhere(client: string): void
  isForbiddenEverywhere(client: string): boolean
  wasForbidden(client: string): boolean
  clientGotFirstBlock(client: string, ranks: StartRanks): void
}
