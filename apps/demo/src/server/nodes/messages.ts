import type { SharedLogPlace } from '../open-log.ts'
import type { PageFiles } from '../page-files.ts'
import type { Fault } from '../faults.ts'
import type { HubFigures } from '../hub-reader.ts'
import type { InspectReach } from '../inspect/reach.ts'
import type { TlsFiles } from '../tls.ts'

/** The readers that are revoked, or whose older tokens have expired. */
export interface EndedAccess {
  readonly revoked: readonly string[]
  /** With the time, in milliseconds since 1970. */
  readonly expired: readonly (readonly [readerId: string, atMs: number])[]
}

/** The parameters of a node. */
export interface NodeOrder {
  readonly host: string
  readonly port: number
  readonly node: number
  readonly nodes: number
  /** Which process in the node's place it is, from 1. */
  readonly start: number
  readonly log: SharedLogPlace
  readonly inspectReach: InspectReach
  /** Of the controls: one for all nodes, however often they are restarted. */
  readonly token: string
  readonly tls: TlsFiles | undefined
  /** A restarted node does not know it. */
  readonly ended: EndedAccess
  /** Of the readers' access: each node takes the tokens of the others. */
  readonly accessKey: string
  readonly pageFiles: readonly (PageFiles extends ReadonlyMap<infer Path, infer File>
    ? readonly [Path, File]
    : never)[]
}

/** From the first process to a node. */
export type ToNode =
  | { readonly kind: 'serve'; readonly order: NodeOrder }
  /** Asks how many streams of the reader it has; of all but a restart and a kill, that it is done to them. */
  | { readonly kind: 'fault'; readonly fault: Fault; readonly readerId: string; readonly id: number }
  | { readonly kind: 'fault-done'; readonly count: number; readonly id: number }
  /** Of a claim, 1 if it was granted; of a stop, 1 if there was a run, once it is over. */
  | { readonly kind: 'load-answer'; readonly count: number; readonly id: number }
  | { readonly kind: 'load-stop' }
  | { readonly kind: 'close'; readonly drainMs: number }

/** From a node to the first process. */
export type FromNode =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'failed'; readonly message: string; readonly code: string | undefined }
  | { readonly kind: 'figures'; readonly figures: HubFigures }
  /** A page asked this node; whichever has the reader's stream is meant. */
  | { readonly kind: 'fault-wanted'; readonly fault: Fault; readonly readerId: string; readonly id: number }
  | { readonly kind: 'fault-answer'; readonly count: number; readonly id: number }
  | LoadQuestion

/** One load at a time: the first process knows which node has it. */
export type LoadQuestion =
  | { readonly kind: 'load-claim'; readonly id: number }
  | { readonly kind: 'load-release' }
  | { readonly kind: 'load-stop-wanted'; readonly id: number }
