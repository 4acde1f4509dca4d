import type { EventLog, LoggedEvent } from '../log/event-log.ts'
import { durationOption } from '../options.ts'
import type { EndOptions, HubEvent, RunOptions } from './hub-options.ts'
import { produce, type Producer, type RunOutcome } from './producer.ts'

/** What the producers that run here need of their hub. */
export interface RunsHost {
  readonly log: EventLog
  readonly onError: (error: unknown) => void
  /** Checks an event as any that is published, and stores it. */
  publish(topic: string, event: HubEvent): Promise<unknown>
  append(event: LoggedEvent): Promise<unknown>
}

/** The finite topics of a hub, and the producers of those that run in this process. */
export class Runs {
  readonly #host: RunsHost
  readonly #producers = new Map<string, AbortController>()
  readonly #outcomes = new Set<Promise<RunOutcome>>()

  constructor(host: RunsHost) {
    this.#host = host
  }

  /** The topics whose producers run here. */
  get topics(): readonly string[] {
    return [...this.#producers.keys()]
  }

  get size(): number {
    return this.#producers.size
  }

  /** Runs the producer of a topic that was claimed, and ends the topic. Never rejects. */
  start(topic: string, producer: Producer, options: RunOptions): Promise<RunOutcome> {
    const outcome = this.#run(topic, producer, options)
    this.#outcomes.add(outcome)
    void outcome.then(() => this.#outcomes.delete(outcome))
    return outcome
  }

  stop(topic: string): void {
    this.#producers.get(topic)?.abort()
  }

  /** Stops all that runs here. Resolves when the topics have ended. */
  async close(): Promise<void> {
    for (const producer of this.#producers.values()) producer.abort()
    await Promise.all(this.#outcomes)
  }

  /** @returns false if it had ended before. */
  async end(topic: string, reason: RunOutcome, options: EndOptions): Promise<boolean> {
    const data = JSON.stringify({ topic, reason })
    const ending = { topic, event: 'stream.end', data, key: undefined }
    return (await this.#host.log.end(ending, ttlOf(options))) !== undefined
  }

  async #run(topic: string, producer: Producer, options: RunOptions): Promise<RunOutcome> {
    const { onError } = this.#host
    const aborter = new AbortController()
    this.#producers.set(topic, aborter)
    let outcome: RunOutcome
    try {
      outcome = await produce(producer, aborter.signal, (event) => this.#host.publish(topic, event), onError)
    } catch (error) {
      outcome = 'failed'
      onError(error)
      await this.#announceFailure(topic, error, options.errorMessage ?? 'The producer failed')
    }
    try {
      await this.end(topic, outcome, options)
    } catch (error) {
      onError(error)
    }
    this.#producers.delete(topic)
    return outcome
  }

  async #announceFailure(
    topic: string,
    error: unknown,
    message: NonNullable<RunOptions['errorMessage']>,
  ): Promise<void> {
    try {
      const data = { topic, message: typeof message === 'function' ? message(error) : message }
      await this.#host.append({ topic, event: 'stream.error', data: JSON.stringify(data), key: undefined })
    } catch (cause) {
      this.#host.onError(cause)
    }
  }
}

/** @throws {@link OptionError} */
export function ttlOf({ ttlMs }: EndOptions): number {
  return durationOption('ttlMs', ttlMs, 600_000)
}
