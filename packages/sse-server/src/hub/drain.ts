import { eventFrame } from '../connection/frame.ts'
import type { CloseReason } from '../connection/frame-queue.ts'
import type { Scheduler } from '../connection/scheduler.ts'
import type { Subscription } from './subscription.ts'

// How often a drain lets some of the connections go: often enough that they come back as a stream, not as waves.
const stepMs = 50

/** Who goes when a connection must go: with a reconnection time of its own, so that they do not all come back at once. */
export function dismiss(
  subscription: Subscription,
  reason: CloseReason,
  retryMs: number,
  random: () => number,
): void {
  // From half of the usual time to one and a half. A `retryMs` that stands for "do not return" is as large as can be.
  const retry = Math.min(Math.round(retryMs * (0.5 + random())), Number.MAX_SAFE_INTEGER)
  subscription.queue.push(eventFrame({ retry }))
  subscription.queue.close(reason)
}

/** Dismisses all, evenly over the time. Resolves when the last was told, whether or not it has gone. */
export async function drain(
  subscriptions: Iterable<Subscription>,
  drainMs: number,
  retryMs: number,
  scheduler: Scheduler,
): Promise<void> {
  const { runtime } = scheduler
  // Those that leave by themselves meanwhile keep their place: closing them again does nothing.
  const all = [...subscriptions]
  const steps = Math.max(1, Math.ceil(drainMs / stepMs))
  for (let step = 1, dismissed = 0; step <= steps; step += 1) {
    // Nobody is waited for: the timers hold no process open, and it would end in the middle of the close.
    if (!all.some(({ queue }) => queue.isOpen)) return
    if (drainMs > 0) {
      await new Promise<void>((resolve) => {
        runtime.setTimeout(resolve, drainMs / steps)
      })
    }
    const due = Math.floor((all.length * step) / steps)
    for (const subscription of all.slice(dismissed, due)) {
      dismiss(subscription, 'drain', retryMs, () => runtime.random())
    }
    dismissed = due
  }
}
