import type { Commands, Reply } from './commands.ts'
import type { Connections } from './connections.ts'
import type { FailureReporter } from './failure-reporter.ts'
import type { Follower } from './follower.ts'
import type { Settings } from './options.ts'
import { createScript } from './script.ts'
import { syncScript } from './scripts/sync.ts'

const sync = createScript(syncScript)

// How many leases one call renews.
const pageSize = 500

export interface UpkeepOptions {
  readonly settings: Settings
  /** Who holds the leases of this process. */
  readonly owner: string
  readonly commands: Commands
  readonly connections: Connections
  readonly follower: Follower
  readonly failures: FailureReporter
}

/**
 * What a process does every `syncIntervalMs`: it says that it lives, for the topics that it runs; sweeps what is too old,
 * or left by others; and looks whether it has missed anything.
 */
export class Upkeep {
  readonly #options: UpkeepOptions
  readonly #claimed = new Set<string>()
  // Where the head was, and what had been heard, when last looked at.
  #expectedSeq = 0
  #messagesBefore = 0
  #timer: unknown = undefined
  #isStopped = false

  constructor(options: UpkeepOptions) {
    this.#options = options
  }

  start(): void {
    this.#schedule()
  }

  stop(): void {
    this.#isStopped = true
    this.#options.settings.runtime.clearTimeout(this.#timer)
  }

  /** Its lease is renewed from now on. */
  hold(topic: string): void {
    this.#claimed.add(topic)
  }

  release(topic: string): void {
    this.#claimed.delete(topic)
  }

  #schedule(): void {
    if (this.#isStopped) return
    const { runtime, syncIntervalMs } = this.#options.settings
    // Not all processes at the same time.
    this.#timer = runtime.setTimeout(() => void this.#look(), syncIntervalMs * (0.9 + 0.2 * runtime.random()))
  }

  async #look(): Promise<void> {
    const { failures } = this.#options
    try {
      const claimed = [...this.#claimed]
      let reply = await this.#sync(claimed.splice(0, pageSize))
      while (claimed.length > 0) reply = await this.#sync(claimed.splice(0, pageSize))
      await this.#checkHearing(reply)
      failures.allIsWell()
    } catch (error) {
      if (!this.#isStopped) failures.report(error)
    }
    this.#schedule()
  }

  async #sync(claimed: readonly string[]): Promise<Reply> {
    const { commands, follower, owner, settings } = this.#options
    for (;;) {
      const reply = await commands.run({
        script: sync,
        operation: 'renew the leases',
        changes: 'nothing',
        args: () => [owner, String(settings.leaseMs), follower.isHeardOf ? '1' : '', ...claimed],
      })
      const [more, ...told] = reply.values
      for (let index = 0; index < told.length; index += 2) this.#heed(told[index], told[index + 1] ?? '')
      if (more === '' || this.#isStopped) return reply
    }
  }

  #heed(kind: string | undefined, topic: string): void {
    const { follower } = this.#options
    if (kind === 'abandoned') {
      this.#claimed.add(topic)
      follower.abandoned(topic)
    } else if (this.#claimed.has(topic)) {
      if (kind === 'lost') this.#claimed.delete(topic)
      follower.cancelled(topic)
    }
  }

  /** What was there at the last look, and has not been heard of by now, was lost: the last message before a silence. */
  async #checkHearing({ epoch, seq }: Reply): Promise<void> {
    const { connections, follower } = this.#options
    const { position, messages } = follower
    if (position?.epoch !== epoch || position.seq < this.#expectedSeq) {
      // Something was told, and nothing heard.
      if (messages === this.#messagesBefore) connections.renewSubscriber()
      await follower.catchUp()
    }
    this.#expectedSeq = seq
    this.#messagesBefore = messages
  }
}
