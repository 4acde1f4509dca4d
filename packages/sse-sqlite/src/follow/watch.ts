import type { Runtime } from '@sse-toolkit/sse-server'
import type { LogBell } from './bell.ts'

// For a process that died between its commit and the bell.
const lookIntervalMs = 100
// Where the bell is not heard.
const deafIntervalMs = 5
// So many times in a row others had written and not been heard: then the bell is not heard on this file system.
const maxUnheard = 3

export interface WatchOptions {
  readonly runtime: Runtime
  readonly bell: LogBell
  /** @returns whether another process had written. */
  readonly look: () => boolean
  /** The same, and whether the file is still in its place. */
  readonly lookAgain: () => boolean
  readonly onError: (error: unknown) => void
}

/** Looks at the file whenever the bell rings, and now and then. */
export class Watch {
  readonly #options: WatchOptions
  #intervalMs = lookIntervalMs
  #unheard = 0
  #timer: unknown = undefined
  #isStopped = false

  constructor(options: WatchOptions) {
    this.#options = options
  }

  start(): void {
    const { bell, look, onError } = this.#options
    bell.watch(
      () => {
        if (look()) this.#unheard = 0
      },
      (error) => {
        onError(error)
        this.#intervalMs = deafIntervalMs
      },
    )
    this.#schedule()
  }

  stop(): void {
    this.#isStopped = true
    this.#options.runtime.clearTimeout(this.#timer)
  }

  #schedule(): void {
    const { runtime, lookAgain } = this.#options
    this.#timer = runtime.setTimeout(() => {
      if (lookAgain()) this.#unheard += 1
      if (this.#unheard >= maxUnheard) this.#intervalMs = deafIntervalMs
      if (!this.#isStopped) this.#schedule()
    }, this.#intervalMs)
  }
}
