/** What `POST /load` is sent, as JSON. */
export interface LoadOrder {
  /** Connections of the worker process: 1 to {@link MAX_CLIENTS}. */
  readonly clients: number
  /** Events a second: 1 to {@link MAX_RATE}. */
  readonly rate: number
}

/** What the clients of one serving process see. */
export interface NodeLoad {
  readonly node: number
  readonly connected: number
  readonly deliveries: number
}

/** What the worker process measures, since its last word; counts are of the whole run. */
export interface WorkerFigures {
  /** Connections that could not be opened, or broke. */
  readonly failed: number
  /** By the process that serves them, in the order of the nodes; those without a client are left out. */
  readonly nodes: readonly NodeLoad[]
  /** From the call of `publish` to the client's socket, in milliseconds; 0 if nothing came. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Of the whole run: how many deliveries took how long, by {@link LOAD_LATENCY_LIMITS_MS}. */
  readonly latencies: readonly number[]
  readonly process: ProcessFigures
}

export interface ProcessFigures {
  /** Of one core: 1 is a core that does nothing else. */
  readonly cpu: number
  readonly residentBytes: number
}

/** The `figures` of a run. */
export interface LoadFigures extends Omit<WorkerFigures, 'process' | 'nodes'> {
  /** Milliseconds since the run began. */
  readonly atMs: number
  readonly published: number
  /** Of all nodes together. */
  readonly connected: number
  readonly deliveries: number
  readonly deliveriesPerSecond: number
  /** One for each process that serves the page. */
  readonly nodes: readonly (NodeLoad & { readonly deliveriesPerSecond: number })[]
  /** Of the process that publishes: the one that was asked for the run. */
  readonly server: ProcessFigures
  readonly worker: ProcessFigures
}

/** How a run ended: the `data` of its event `ended`. */
export interface LoadEnd {
  readonly reason: 'time' | 'stopped' | 'failed' | 'server-closed'
}

/** Upper limits of the latency classes, in milliseconds; one more class is beyond the last. */
export const LOAD_LATENCY_LIMITS_MS = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000] as const

/** Says which process serves a client of the load. */
export const NODE_FIELD = 'x-demo-node'

export const MAX_CLIENTS = 5_000
export const MAX_RATE = 1_000
/** Clients times rate: beyond that, two cores only measure their queues. */
export const MAX_DELIVERIES_PER_SECOND = 200_000
export const RUN_MS = 60_000
