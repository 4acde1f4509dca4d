import type { Commands, Reply } from './commands.ts'
import type { Connections } from './connections.ts'
import { RedisUnfitError } from './errors/redis-unfit-error.ts'
import type { FailureReporter } from './failure-reporter.ts'
import { findMisfit } from './fitness.ts'
import type { Follower } from './follower.ts'
import type { Settings } from './options.ts'
import type { Readiness } from './readiness.ts'
import { createScript } from './script.ts'
import { fitnessScript, syncScript } from './scripts/sync.ts'

const fitness = createScript(fitnessScript)
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
  readonly readiness: Readiness
}

/**
 * What a process does every `syncIntervalMs`: it looks whether Redis is fit; says that it lives, for the topics that it
 * runs; sweeps what is too old, or left by others; and looks whether it has missed anything.
 *
 * The first round that succeeds, with the channel subscribed to, opens the log. So whatever fails before that is tried
 * again as what fails later is.
 */
export class Upkeep {
  readonly #options: UpkeepOptions
  readonly #claimed = new Set<string>()
  // Where the head was, and what had been heard, when last looked at.
  #expectedSeq = 0
  #messagesBefore = 0
  #timer: unknown = undefined
  #isLooking = false
  #looksAgain = false
  #isStopped = false

  constructor(options: UpkeepOptions) {
    this.#options = options
  }

  /** Looks now, and from then on regularly. When a round is under way already another one follows at once. */
  look(): void {
    if (this.#isLooking) this.#looksAgain = true
    else if (!this.#isStopped) {
      this.#options.settings.runtime.clearTimeout(this.#timer)
      void this.#look()
    }
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

  async #look(): Promise<void> {
    const { settings, failures, readiness } = this.#options
    this.#isLooking = true
    do {
      this.#looksAgain = false
      try {
        if (await this.#round()) {
          readiness.succeeded()
          failures.allIsWell()
        }
      } catch (error) {
        this.#failed(error)
      }
    } while (this.#looksAgain && !this.#isStopped)
    this.#isLooking = false
    if (this.#isStopped) return
    // Not all processes at the same time.
    const delayMs = settings.syncIntervalMs * (0.9 + 0.2 * settings.runtime.random())
    this.#timer = settings.runtime.setTimeout(() => this.look(), delayMs)
  }

  #failed(error: unknown): void {
    const { failures, readiness } = this.#options
    if (this.#isStopped) return
    if (error instanceof RedisUnfitError) readiness.refused(error)
    else readiness.failed(error)
    failures.report(error)
  }

  /** @returns whether all is well. */
  async #round(): Promise<boolean> {
    const { commands, connections, follower } = this.#options
    const misfit = findMisfit(await commands.inspect(fitness))
    if (misfit !== undefined) this.#failed(misfit)
    // A log that is open goes on: leases are renewed, and readers are told of what an unfit Redis has let go already.
    if (misfit !== undefined && follower.position === null) return false
    const wasSubscribed = connections.isSubscribed
    const claimed = [...this.#claimed]
    let reply = await this.#sync(claimed.splice(0, pageSize))
    while (claimed.length > 0) reply = await this.#sync(claimed.splice(0, pageSize))
    if (follower.position !== null) await this.#checkHearing(reply)
    // What is appended after the head that is begun from must be heard.
    else if (wasSubscribed) await this.#begin(reply)
    return misfit === undefined && connections.isSubscribed && follower.position !== null
  }

  async #begin({ epoch, seq }: Reply): Promise<void> {
    const { follower } = this.#options
    follower.begin({ epoch, seq })
    this.#expectedSeq = seq
    // What was heard between the answer and now, when it could not be placed yet.
    await follower.catchUp()
  }

  async #sync(claimed: readonly string[]): Promise<Reply> {
    const { commands, follower, owner, settings } = this.#options
    for (;;) {
      const reply = await commands.run({
        script: sync,
        operation: 'renew the leases',
        changes: 'nothing',
        args: () => [owner, String(settings.leaseMs), follower.isFollowed ? '1' : '', ...claimed],
      })
      const [more, ...told] = reply.values
      for (let index = 0; index < told.length; index += 2) this.#heed(told[index], told[index + 1] ?? '')
      if (more !== '1' || this.#isStopped) return reply
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
      if (messages === this.#messagesBefore) connections.renewSubscription()
      await follower.catchUp()
    }
    this.#expectedSeq = seq
    this.#messagesBefore = messages
  }
}
