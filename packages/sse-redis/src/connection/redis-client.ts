/** The options for running a script, as in `@redis/client`. */
interface EvalOptions {
  readonly keys: string[]
  readonly arguments: string[]
}

/** An entry of a stream. */
export interface StreamEntry {
  readonly id: string
  readonly message: Readonly<Record<string, string>>
}

/**
 * What a log needs of a client. `createClient`, `createCluster` and `createSentinel` of `@redis/client` (or of `redis`)
 * return one.
 */
export interface RedisClient {
  readonly isOpen: boolean
  connect(): Promise<unknown>
  evalSha(sha1: string, options: EvalOptions): Promise<unknown>
  eval(script: string, options: EvalOptions): Promise<unknown>
  /** Without it, events are read by scripts only, which costs Redis more. */
  xRange?(key: string, start: string, end: string): Promise<readonly StreamEntry[] | null>
  sSubscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  sUnsubscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  on(event: string, listener: (error: unknown) => void): unknown
  off(event: string, listener: (error: unknown) => void): unknown
  destroy(): unknown
}
