import { HubClosedError, TopicEndedError } from '@sse-toolkit/sse-server'
import type { LoggedEvent, Position, Runtime } from '@sse-toolkit/sse-server'
import type { Commands } from '../commands/commands.ts'
import { LogUnavailableError } from '../errors/log-unavailable-error.ts'
import { OutcomeUnknownError } from '../errors/outcome-unknown-error.ts'
import { createScript } from '../commands/script.ts'
import { appendScript } from '../scripts/append.ts'
import { encodeEvent } from '../wire.ts'

// The limits of one call of the script: Redis runs nothing else meanwhile.
const maxBatchEvents = 256
const maxBatchLength = 1_048_576

const append = createScript(appendScript)

interface Waiting {
  readonly topic: string
  readonly line: string
  readonly deadline: number
  readonly resolve: (position: Position) => void
  readonly reject: (error: unknown) => void
}

export interface AppendQueueOptions {
  readonly commands: Commands
  /** The process, whose batches are numbered. */
  readonly owner: string
  readonly runtime: Runtime
  readonly commandTimeoutMs: number
  readonly maxPendingEvents: number
  /** Resolves once the log can be used. */
  readonly ready: () => Promise<void>
}

/**
 * Appends in the order of the calls, one batch after the other.
 *
 *     append a1, a2     -> batch [a1 a2]  ------------------> Redis
 *     append b1 .. b9      (wait)         <--- a1: 7, a2: 8
 *                       -> batch [b1 .. b9] ----------------> Redis
 *
 * While a batch is under way the next one fills. So the number of calls falls as the number of events rises, and a batch
 * that has to be repeated is repeated before any later event is sent.
 */
export class AppendQueue {
  readonly #options: AppendQueueOptions
  #waiting: Waiting[] = []
  #underWay = 0
  #batches = 0
  #running: Promise<void> | null = null
  #isClosed = false

  constructor(options: AppendQueueOptions) {
    this.#options = options
  }

  append(event: LoggedEvent): Promise<Position> {
    const { runtime, commandTimeoutMs, maxPendingEvents } = this.#options
    if (this.#isClosed) return Promise.reject(new HubClosedError())
    if (this.#waiting.length + this.#underWay >= maxPendingEvents) {
      const fact = `${maxPendingEvents} events are waiting already (maxPendingEvents)`
      return Promise.reject(new LogUnavailableError('too-many-pending', `append to ${event.topic}`, fact))
    }
    return new Promise((resolve, reject) => {
      const deadline = runtime.now() + commandTimeoutMs
      this.#waiting.push({ topic: event.topic, line: encodeEvent(event), deadline, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Rejects what was not sent. Resolves when the rest has settled. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const { reject } of this.#waiting.splice(0)) reject(new HubClosedError())
    await this.#running
  }

  async #run(): Promise<void> {
    // Events appended in one turn share a batch.
    await Promise.resolve()
    for (;;) {
      this.#rejectLate()
      const batch = this.#takeBatch()
      if (batch.length === 0) break
      this.#underWay = batch.length
      // Never rejects.
      await this.#send(batch)
      this.#underWay = 0
    }
    this.#running = null
  }

  /** An event with hardly any time left is not sent: `not stored` is a better answer than `unknown`. */
  #rejectLate(): void {
    const { runtime, commandTimeoutMs } = this.#options
    const soon = runtime.now() + commandTimeoutMs / 10
    const firstInTime = this.#waiting.findIndex(({ deadline }) => deadline > soon)
    const late = this.#waiting.splice(0, firstInTime === -1 ? this.#waiting.length : firstInTime)
    for (const { topic, reject } of late) {
      const fact = `Redis did not answer earlier events within ${commandTimeoutMs} ms`
      reject(new LogUnavailableError('log-unavailable', `append to ${topic}`, fact))
    }
  }

  #takeBatch(): readonly Waiting[] {
    let length = 0
    let count = 0
    for (const { line } of this.#waiting) {
      length += line.length
      if (count === maxBatchEvents || (length > maxBatchLength && count > 0)) break
      count += 1
    }
    return this.#waiting.splice(0, count)
  }

  async #send(batch: readonly Waiting[]): Promise<void> {
    const { commands, runtime, owner, ready } = this.#options
    const number = String((this.#batches += 1))
    const events = batch.flatMap(({ topic, line }) => [topic, line])
    const operation = batch.length === 1 ? `append to ${batch[0]?.topic}` : `append ${batch.length} events`
    let first: readonly [epoch: string, seen: string] | null = null
    try {
      await ready()
      const { epoch, values } = await commands.run({
        script: append,
        operation,
        changes: 'the log',
        timeoutMs: (batch[0]?.deadline ?? 0) - runtime.now(),
        args: (isRetry) => {
          if (!isRetry) first = [commands.epoch, String(commands.seen)]
          return [owner, number, ...(isRetry && first !== null ? first : ['', '0']), ...events]
        },
      })
      if (values[0] === 'unknown') {
        throw new OutcomeUnknownError(operation, 'It began a new epoch, or evicted the events of that time.')
      }
      for (const [index, { topic, resolve, reject }] of batch.entries()) {
        const seq = Number(values[index])
        if (seq === -1) reject(new TopicEndedError(topic))
        else resolve({ epoch, seq })
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
}
