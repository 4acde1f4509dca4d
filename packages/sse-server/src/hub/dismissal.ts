import type { CloseReason } from '../connection/frame-queue.ts'
import { eventFrame } from '../connection/frame.ts'
import type { ConnectionSettings } from '../connection/connection-options.ts'
import { durationOption, maxTimerMs } from '../options.ts'
import type { HubOptions } from './hub-options.ts'
import type { Subscription } from './subscription.ts'

// What a client waits before it returns, where nothing else was said: as browsers do.
const usualReconnectionTimeMs = 1000

// How often a drain ends some of the connections: often enough that they come back as a stream, not as waves.
const stepMs = 50

/** Ends connections that must go through no fault of theirs, so that they do not all come back at once. */
export class Dismissal {
  readonly #settings: ConnectionSettings
  readonly #maxConnectionAgeMs: number
  readonly #ageTimers = new Map<Subscription, unknown>()

  /** @throws {@link OptionError} */
  constructor(options: HubOptions, settings: ConnectionSettings) {
    this.#settings = settings
    this.#maxConnectionAgeMs = durationOption('maxConnectionAgeMs', options.maxConnectionAgeMs, 0)
  }

  /** Ends a connection after what was sent to it, and asks its client to wait, each client for a different time. */
  dismiss(subscription: Subscription, reason: CloseReason): void {
    const { reconnectionTimeMs = usualReconnectionTimeMs, scheduler } = this.#settings
    // From half of the usual time to one and a half. A time that stands for "do not return" is as large as can be.
    const jitteredMs = Math.round(reconnectionTimeMs * (0.5 + scheduler.runtime.random()))
    if (subscription.hasFirstBlock)
      subscription.queue.push(eventFrame({ retry: Math.min(jitteredMs, Number.MAX_SAFE_INTEGER) }))
    subscription.endEarly(reason)
  }

  /** Dismisses all, evenly over the time. Resolves when the last was dismissed, whether or not it has gone. */
  async drain(subscriptions: Iterable<Subscription>, drainMs: number): Promise<void> {
    const { runtime } = this.#settings.scheduler
    // Connections that leave by themselves in the meantime keep their place: closing them again does nothing.
    const all = [...subscriptions]
    const steps = Math.max(1, Math.ceil(drainMs / stepMs))
    for (let step = 1, dismissed = 0; step <= steps; step += 1) {
      // If nothing else is pending, these timers do not hold the process open, and it would end in the middle of the close.
      if (!all.some(({ queue }) => queue.isOpen)) return
      if (drainMs > 0) {
        await new Promise<void>((resolve) => {
          runtime.setTimeout(resolve, drainMs / steps)
        })
      }
      const due = Math.floor((all.length * step) / steps)
      for (const subscription of all.slice(dismissed, due)) this.dismiss(subscription, 'drain')
      dismissed = due
    }
  }

  /** Dismisses the connection when it is as old as connections may become. */
  watchAge(subscription: Subscription): void {
    if (this.#maxConnectionAgeMs === 0) return
    const { runtime } = this.#settings.scheduler
    const ageMs = Math.min(this.#maxConnectionAgeMs * (0.9 + 0.2 * runtime.random()), maxTimerMs)
    const timer = runtime.setTimeout(() => this.dismiss(subscription, 'expired'), ageMs)
    this.#ageTimers.set(subscription, timer)
  }

  forget(subscription: Subscription): void {
    const timer = this.#ageTimers.get(subscription)
    if (timer === undefined) return
    this.#settings.scheduler.runtime.clearTimeout(timer)
    this.#ageTimers.delete(subscription)
  }
}
