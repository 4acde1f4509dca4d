import { hasCode } from '../errors/has-code.ts'
import type { EventLog, LoggedEvent } from '../log/event-log.ts'
import { durationOption } from '../options.ts'
import type { Position } from '../wire-contract/event-id.ts'
import type { Runtime } from '../runtime.ts'
import type { Run } from './hub.ts'
import type { EndOptions, RunOptions } from './hub-options.ts'
import type { HubEvent } from './publish-options.ts'
import { endEvent, failureEvent } from '../wire-contract/reserved-events.ts'
import type { EndReason } from '../wire-contract/reserved-events.ts'
import { produce } from './producer.ts'
import type { Producer } from './producer.ts'

const usualErrorMessage = 'The producer failed'

/** What the producers that run here need of their hub. */
export interface FiniteTopicsHost {
  readonly log: EventLog
  readonly runtime: Runtime
  readonly onError: (error: unknown) => void
  /** Checks an event as any that is published, and stores it while this process runs the topic. */
  publish(topic: string, event: HubEvent): Promise<unknown>
}

interface RunningProducer {
  stop(reason: 'cancelled' | 'interrupted'): void
  /** Stops it: its log has lost its memory, and with it the claim. */
  loseClaim(): void
}

/** The finite topics of a hub, and the producers of those that run in this process. */
export class FiniteTopics {
  readonly #host: FiniteTopicsHost
  readonly #producers = new Map<string, RunningProducer>()
  // Everything that must be over before the hub is closed: claims, runs, ends.
  readonly #pending = new Set<Promise<void>>()
  #isClosing = false
  #lastEnd: Position | undefined

  constructor(host: FiniteTopicsHost) {
    this.#host = host
  }

  /** The topics whose producers run here. */
  get topics(): readonly string[] {
    return [...this.#producers.keys()]
  }

  /** The position of the end that was stored last. */
  get lastEnd(): Position | undefined {
    return this.#lastEnd
  }

  get size(): number {
    return this.#producers.size
  }

  /** Claims a topic, runs its producer if the topic was never run, and ends it. */
  run(topic: string, producer: Producer, options: RunOptions): Promise<Run> {
    return this.#track(this.#claim(topic, producer, options))
  }

  /** Ends a topic whose producer died with its process. */
  endAbandoned(topic: string): void {
    void this.#track(this.#endFailed(topic))
  }

  stop(topic: string): void {
    this.#producers.get(topic)?.stop('cancelled')
  }

  /** The log has lost its memory. What runs here will not come to its end in a log that has lost its beginning. */
  restarted(): void {
    for (const producer of this.#producers.values()) producer.loseClaim()
  }

  /**
   * Lets what runs here go on for a time, and interrupts what has not come to its end by then. Resolves when the topics have
   * ended.
   */
  async close(runsMs: number): Promise<void> {
    const { runtime } = this.#host
    if (runsMs > 0 && this.#pending.size > 0) {
      let timer: unknown
      const isOver = new Promise<void>((resolve) => {
        timer = runtime.setTimeout(resolve, runsMs)
      })
      await Promise.race([this.#settled(), isOver])
      runtime.clearTimeout(timer)
    }
    this.#isClosing = true
    for (const producer of this.#producers.values()) producer.stop('interrupted')
    await this.#settled()
  }

  async #settled(): Promise<void> {
    // A claim that was under way may have become a run.
    while (this.#pending.size > 0) await Promise.all(this.#pending)
  }

  /** @returns false if it had ended before. */
  async end(
    topic: string,
    reason: EndReason,
    options: EndOptions,
    before: readonly LoggedEvent[] = [],
  ): Promise<boolean> {
    const ending = { topic, ...endEvent(topic, reason) }
    const position = await this.#host.log.end(ending, ttlOf(options), before)
    this.#lastEnd = position ?? this.#lastEnd
    return position !== undefined
  }

  #track<T>(work: Promise<T>): Promise<T> {
    const forget = (): void => void this.#pending.delete(settled)
    const settled = work.then(forget, forget)
    this.#pending.add(settled)
    return work
  }

  async #claim(topic: string, producer: Producer, options: RunOptions): Promise<Run> {
    const state = await this.#host.log.claim(topic)
    if (state !== 'open') return { started: false, state }
    return { started: true, finished: this.#track(this.#run(topic, producer, options)) }
  }

  async #endFailed(topic: string): Promise<EndReason> {
    await this.#end(topic, 'failed', {}, [failure(topic, usualErrorMessage)])
    return 'failed'
  }

  async #run(topic: string, producer: Producer, options: RunOptions): Promise<EndReason> {
    const { onError, runtime } = this.#host
    const aborter = new AbortController()
    let stoppedAs: 'cancelled' | 'interrupted' = 'cancelled'
    const stop: RunningProducer['stop'] = (reason) => {
      if (!aborter.signal.aborted) stoppedAs = reason
      aborter.abort()
    }
    let hasLostClaim = false
    const loseClaim = (): void => {
      hasLostClaim = true
      stop('interrupted')
    }
    this.#producers.set(topic, { stop, loseClaim })
    if (this.#isClosing) stop('interrupted')
    let outcome: EndReason
    let before: readonly LoggedEvent[] = []
    try {
      outcome = await produce(producer, aborter.signal, {
        runtime,
        onError,
        publish: (event) => this.#host.publish(topic, event),
        stopMs: stopMsOf(options),
      })
      if (outcome === 'cancelled') outcome = stoppedAs
    } catch (error) {
      if (hasCode(error, 'topic-not-claimed')) {
        hasLostClaim = true
        outcome = 'interrupted'
      } else {
        outcome = 'failed'
        onError(error)
        before = [failure(topic, this.#messageOf(error, options))]
      }
    }
    if (!hasLostClaim || !(await this.#isClaimedAnew(topic))) await this.#end(topic, outcome, options, before)
    this.#producers.delete(topic)
    return outcome
  }

  /** Whether the topic is run again since the log lost its memory: that run is not to be ended with this one. */
  async #isClaimedAnew(topic: string): Promise<boolean> {
    try {
      return (await this.#host.log.status(topic)).state === 'running'
    } catch (error) {
      this.#host.onError(error)
      return false
    }
  }

  async #end(
    topic: string,
    reason: EndReason,
    options: EndOptions,
    before: readonly LoggedEvent[],
  ): Promise<void> {
    try {
      await this.end(topic, reason, options, before)
    } catch (error) {
      this.#host.onError(error)
    }
  }

  #messageOf(error: unknown, { errorMessage = usualErrorMessage }: RunOptions): string {
    if (typeof errorMessage !== 'function') return errorMessage
    try {
      return errorMessage(error)
    } catch (cause) {
      this.#host.onError(cause)
      return usualErrorMessage
    }
  }
}

function failure(topic: string, message: string): LoggedEvent {
  return { topic, ...failureEvent(topic, message) }
}

/** @throws {@link OptionError} */
export function stopMsOf({ stopMs }: RunOptions): number {
  return durationOption('stopMs', stopMs, 0)
}

/** @throws {@link OptionError} */
export function ttlOf({ ttlMs }: EndOptions): number {
  return durationOption('ttlMs', ttlMs, 600_000)
}
