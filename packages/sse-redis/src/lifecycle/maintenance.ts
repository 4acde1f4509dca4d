import type { Commands, Reply } from '../commands/commands.ts'
import { createScript } from '../commands/script.ts'
import type { Connections } from '../connection/connections.ts'
import { IncompatibleRedisError } from '../errors/incompatible-redis-error.ts'
import type { Follower } from '../follow/follower.ts'
import type { Settings } from '../options.ts'
import { inspectionScript } from '../scripts/inspection.ts'
import { maintenanceScript } from '../scripts/maintenance.ts'
import { findIncompatibility } from './compatibility.ts'
import type { FailureReporter } from './failure-reporter.ts'
import type { Readiness } from './readiness.ts'

const inspection = createScript(inspectionScript)
const maintenance = createScript(maintenanceScript)

// How many leases one call renews.
const pageSize = 500

export interface MaintenanceOptions {
  readonly settings: Settings
  /** The process, as the holder of its leases. */
  readonly owner: string
  readonly commands: Commands
  readonly connections: Connections
  readonly follower: Follower
  readonly failures: FailureReporter
  readonly readiness: Readiness
}

/**
 * What a process does at every `syncIntervalMs`:
 *
 *     check that Redis is compatible --> renew leases, sweep what is over --> check that no message was lost
 *
 * The first round that succeeds while the channel is subscribed to opens the log. So what fails on the way there is
 * repeated just as it is later.
 */
export class Maintenance {
  readonly #options: MaintenanceOptions
  readonly #leases = new Set<string>()
  // The head, the number of control entries, and that of the messages received, in the last round.
  #expectedSeq = 0
  #expectedControlled = 0
  #messagesBefore = 0
  #timer: unknown = undefined
  #isRunning = false
  #runsAgain = false
  #isStopped = false

  constructor(options: MaintenanceOptions) {
    this.#options = options
  }

  /** Runs a round now, and then regularly. If one is running and does not open the log, another follows it at once. */
  run(): void {
    if (this.#isRunning) this.#runsAgain = true
    else if (!this.#isStopped) {
      this.#options.settings.runtime.clearTimeout(this.#timer)
      void this.#run()
    }
  }

  stop(): void {
    this.#isStopped = true
    this.#options.settings.runtime.clearTimeout(this.#timer)
  }

  /** Renews the topic's lease from now on. */
  keepLease(topic: string): void {
    this.#leases.add(topic)
  }

  dropLease(topic: string): void {
    this.#leases.delete(topic)
  }

  async #run(): Promise<void> {
    const { settings, failures, readiness } = this.#options
    this.#isRunning = true
    do {
      this.#runsAgain = false
      try {
        if (await this.#round()) {
          readiness.succeeded()
          failures.clear()
          break
        }
      } catch (error) {
        this.#failed(error)
      }
    } while (this.#runsAgain && !this.#isStopped)
    this.#isRunning = false
    if (this.#isStopped) return
    // The processes of a hub should not all run at the same time.
    const delayMs = settings.syncIntervalMs * (0.9 + 0.2 * settings.runtime.random())
    this.#timer = settings.runtime.setTimeout(() => this.run(), delayMs)
  }

  #failed(error: unknown): void {
    const { failures, readiness } = this.#options
    if (this.#isStopped) return
    if (error instanceof IncompatibleRedisError) readiness.refused(error)
    else readiness.failed(error)
    failures.report(error)
  }

  /** @returns whether the log can be used. */
  async #round(): Promise<boolean> {
    const { commands, connections, follower } = this.#options
    const incompatibility = findIncompatibility(await commands.inspect(inspection))
    if (incompatibility !== undefined) {
      this.#failed(incompatibility)
      // An open log goes on: its leases are renewed, and its readers get a gap for what Redis has evicted already.
      if (follower.position === null) return false
    }
    const wasSubscribed = connections.isSubscribed
    const messagesBefore = follower.messages
    const reply = await this.#renewLeases()
    if (follower.position !== null) await this.#checkForLostMessages(reply)
    // The follower must receive what is appended after the head that it begins from.
    else if (wasSubscribed) await this.#begin(reply, messagesBefore)
    return incompatibility === undefined && connections.isSubscribed && follower.position !== null
  }

  async #begin({ epoch, seq, controlled }: Reply, messagesBefore: number): Promise<void> {
    const { follower } = this.#options
    follower.begin({ epoch, seq }, controlled)
    this.#expectedSeq = seq
    this.#expectedControlled = controlled
    // A message that came between Redis' answer and this moment had no place yet.
    if (follower.messages !== messagesBefore || controlled > 0) await follower.catchUp()
  }

  async #renewLeases(): Promise<Reply> {
    const topics = [...this.#leases]
    let reply = await this.#renewPage(topics.splice(0, pageSize))
    while (topics.length > 0) reply = await this.#renewPage(topics.splice(0, pageSize))
    return reply
  }

  /** Repeated until nothing is left to sweep. */
  async #renewPage(topics: readonly string[]): Promise<Reply> {
    const { commands, follower, owner, settings } = this.#options
    for (;;) {
      const reply = await commands.run({
        script: maintenance,
        operation: 'renew the leases',
        changes: 'nothing',
        args: () => [
          owner,
          String(settings.leaseMs),
          follower.isFollowed ? '1' : '',
          String(settings.producerTtlMs),
          ...topics,
        ],
      })
      const [more, ...notices] = reply.values
      for (let index = 0; index < notices.length; index += 2) {
        this.#notice(notices[index], notices[index + 1] ?? '')
      }
      if (more !== '1' || this.#isStopped) return reply
    }
  }

  #notice(kind: string | undefined, topic: string): void {
    const { follower } = this.#options
    if (kind === 'abandoned') {
      this.#leases.add(topic)
      follower.abandoned(topic)
    } else if (this.#leases.has(topic)) {
      if (kind === 'lost') this.#leases.delete(topic)
      follower.cancelled(topic)
    }
  }

  /**
   * A message that was there in the last round and has not come by now was lost. The follower notices a lost message by
   * the next one, so this finds the last one before a silence.
   */
  async #checkForLostMessages({ epoch, seq, controlled }: Reply): Promise<void> {
    const { connections, follower } = this.#options
    const { position, messages } = follower
    const isBehind = position?.epoch !== epoch || position.seq < this.#expectedSeq
    if (isBehind || follower.controlled < this.#expectedControlled) {
      // Messages were sent, and not one of them arrived: the subscription is dead.
      if (messages === this.#messagesBefore) connections.renewSubscription()
      await follower.catchUp()
    }
    this.#expectedSeq = seq
    this.#expectedControlled = controlled
    this.#messagesBefore = messages
  }
}
