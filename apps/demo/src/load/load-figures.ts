/** What `POST /load` is sent, as JSON. */
export interface LoadOrder {
  /** Connections of the worker process: 1 to {@link MAX_CLIENTS}. */
  readonly clients: number
  /** Events a second: 1 to {@link MAX_RATE}. */
  readonly rate: number
}

/** What the worker process measures, since its last word; counts are of the whole run. */
export interface WorkerFigures {
  readonly connected: number
  /** Connections that could not be opened, or broke. */
  readonly failed: number
  readonly deliveries: number
  /** From the call of `publish` to the client's socket, in milliseconds; 0 if nothing came. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly process: ProcessFigures
}

export interface ProcessFigures {
  /** Of one core: 1 is a core that does nothing else. */
  readonly cpu: number
  readonly residentBytes: number
}

/** The `figures` of a run. */
export interface LoadFigures extends Omit<WorkerFigures, 'process'> {
  /** Milliseconds since the run began. */
  readonly atMs: number
  readonly published: number
  readonly deliveriesPerSecond: number
  readonly server: ProcessFigures
  readonly worker: ProcessFigures
}

/** How a run ended: the `data` of its event `ended`. */
export interface LoadEnd {
  readonly reason: 'time' | 'stopped' | 'failed' | 'server-closed'
}

export const MAX_CLIENTS = 5_000
export const MAX_RATE = 1_000
/** Clients times rate: beyond that, two cores only measure their queues. */
export const MAX_DELIVERIES_PER_SECOND = 200_000
export const RUN_MS = 60_000
