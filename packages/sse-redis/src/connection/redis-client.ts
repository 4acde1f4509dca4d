/** The options for running a script, as in `@redis/client`. */
export interface EvalOptions {
  readonly keys: string[]
  readonly arguments: string[]
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
  sSubscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  sUnsubscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  on(event: string, listener: (error: unknown) => void): unknown
  off(event: string, listener: (error: unknown) => void): unknown
  destroy(): unknown
}
