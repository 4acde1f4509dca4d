import { HubClosedError } from '@sse-toolkit/sse-server'
import type { Appended, AppendOptions, LoggedEvent, ProducerSequence, Runtime } from '@sse-toolkit/sse-server'
import type { Command, Commands } from '../commands/commands.ts'
import { createScript } from '../commands/script.ts'
import { LogUnavailableError } from '../errors/log-unavailable-error.ts'
import { OutcomeUnknownError } from '../errors/outcome-unknown-error.ts'
import { appendScript } from '../scripts/append.ts'
import { controlScript } from '../scripts/control.ts'
import { encodeControl } from '../wire.ts'
import { answerOf, createUnit } from './append-unit.ts'
import type { AppendUnit } from './append-unit.ts'

// The limits of one call of the script: Redis runs nothing else meanwhile.
const maxCallEvents = 256
const maxCallLength = 1_048_576

const append = createScript(appendScript)
const control = createScript(controlScript)

/** What waits for its turn: events to append, or a control entry to write. */
interface Waiting {
  /** Absent: it is a control entry. */
  readonly unit?: AppendUnit
  readonly control?: readonly string[]
  readonly operation: string
  readonly events: number
  readonly bytes: number
  readonly length: number
  readonly deadline: number
  readonly resolve: (appended: Appended) => void
  readonly reject: (error: unknown) => void
}

interface AppendLimits {
  readonly maxHeldBytesPerTopic: number
  readonly maxHeldBytes: number
  readonly maxProducers: number
  readonly producerTtlMs: number
}

export interface AppendQueueOptions extends AppendLimits {
  readonly commands: Commands
  /** The process, whose calls are numbered. */
  readonly owner: string
  readonly runtime: Runtime
  readonly commandTimeoutMs: number
  readonly maxPendingEvents: number
  readonly maxPendingBytes: number
  /** Resolves once the log can be used. */
  readonly ready: () => Promise<void>
}

/**
 * Appends in the order of the calls, one call of Redis after the other.
 *
 *     append a1, a2     -> call [a1 a2]  ------------------> Redis
 *     append b1 .. b9      (wait)        <--- a1: 7, a2: 8
 *                       -> call [b1 .. b9] ----------------> Redis
 *
 * While a call is under way the next one fills. So the number of calls falls as the number of events rises, and a call
 * that has to be repeated is repeated before any later event is sent. Control entries keep their place among the events.
 */
export class AppendQueue {
  readonly #options: AppendQueueOptions
  #waiting: Waiting[] = []
  #events = 0
  #bytes = 0
  #calls = 0
  #running: Promise<void> | null = null
  #isClosed = false

  constructor(options: AppendQueueOptions) {
    this.#options = options
  }

  /** How many events wait, or are under way. */
  get events(): number {
    return this.#events
  }

  /** And their bytes, as `maxPendingBytes` counts them. */
  get bytes(): number {
    return this.#bytes
  }

  append(
    events: readonly LoggedEvent[],
    producer?: ProducerSequence,
    options: AppendOptions = {},
  ): Promise<Appended> {
    const unit = createUnit(events, producer, options)
    const operation = `append to ${unit.topic}`
    return this.#add({ unit, operation, events: events.length, bytes: unit.bytes, length: unit.length })
  }

  async control(name: string, value: string, ttlMs: number, notify: boolean): Promise<void> {
    const line = encodeControl(name, value)
    await this.#add({
      control: [name, String(ttlMs), notify ? '1' : '0', line],
      operation: `write the control entry ${name}`,
      events: 1,
      bytes: line.length,
      length: line.length,
    })
  }

  /** Rejects what was not sent. Resolves when the rest has settled. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const each of this.#waiting.splice(0)) this.#settled(each).reject(new HubClosedError())
    await this.#running
  }

  #add(waiting: Omit<Waiting, 'deadline' | 'resolve' | 'reject'>): Promise<Appended> {
    const { runtime, commandTimeoutMs } = this.#options
    if (this.#isClosed) return Promise.reject(new HubClosedError())
    const excess = this.#excessOf(waiting)
    if (excess !== undefined) {
      return Promise.reject(new LogUnavailableError('too-many-pending', waiting.operation, excess))
    }
    this.#events += waiting.events
    this.#bytes += waiting.bytes
    return new Promise((resolve, reject) => {
      const deadline = runtime.now() + commandTimeoutMs
      this.#waiting.push({ ...waiting, deadline, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** The limit that would be exceeded. What is larger than the limit by itself may wait alone. */
  #excessOf({ events, bytes }: Pick<Waiting, 'events' | 'bytes'>): string | undefined {
    const { maxPendingEvents, maxPendingBytes } = this.#options
    if (this.#events === 0) return undefined
    if (this.#events + events > maxPendingEvents)
      return `${this.#events} events are waiting already (maxPendingEvents: ${maxPendingEvents})`
    if (this.#bytes + bytes > maxPendingBytes)
      return `${this.#bytes} bytes of events are waiting already (maxPendingBytes: ${maxPendingBytes})`
    return undefined
  }

  #settled(waiting: Waiting): Waiting {
    this.#events -= waiting.events
    this.#bytes -= waiting.bytes
    return waiting
  }

  async #run(): Promise<void> {
    // What is appended in one turn shares a call.
    await Promise.resolve()
    for (;;) {
      this.#rejectLate()
      const next = this.#takeNext()
      const [first] = next
      if (first === undefined) break
      // Neither rejects.
      await (first.control === undefined ? this.#sendEvents(next) : this.#sendControl(first, first.control))
    }
    this.#running = null
  }

  /** What has hardly any time left is not sent: `not stored` is a better answer than `unknown`. */
  #rejectLate(): void {
    const { runtime, commandTimeoutMs } = this.#options
    const soon = runtime.now() + commandTimeoutMs / 10
    const firstInTime = this.#waiting.findIndex(({ deadline }) => deadline > soon)
    const late = this.#waiting.splice(0, firstInTime === -1 ? this.#waiting.length : firstInTime)
    for (const each of late) {
      const fact = `Redis did not answer earlier events within ${commandTimeoutMs} ms`
      this.#settled(each).reject(new LogUnavailableError('log-unavailable', each.operation, fact))
    }
  }

  /** One control entry, or the events up to the next one. */
  #takeNext(): readonly Waiting[] {
    let [events, length, count] = [0, 0, 0]
    for (const waiting of this.#waiting) {
      events += waiting.events
      length += waiting.length
      if (count > 0 && (waiting.control !== undefined || events > maxCallEvents || length > maxCallLength))
        break
      count += 1
      if (waiting.control !== undefined) break
    }
    return this.#waiting.splice(0, count)
  }

  async #sendEvents(units: readonly Waiting[]): Promise<void> {
    const { maxHeldBytesPerTopic, maxHeldBytes, maxProducers, producerTtlMs } = this.#options
    const hasProducers = units.some(({ unit }) => unit?.producer !== undefined)
    const ofProducers = hasProducers ? [String(maxProducers), String(producerTtlMs)] : ['', '']
    const limits = [String(maxHeldBytesPerTopic), String(maxHeldBytes), ...ofProducers]
    const args = units.flatMap(({ unit }) => unit?.args ?? [])
    const [first] = units
    const operation =
      units.length === 1
        ? (first?.operation ?? '')
        : `append ${sumOf(units.map(({ events }) => events))} events`
    try {
      const values = await this.#call(units, append, operation, (firstEpoch) => [
        firstEpoch,
        ...limits,
        ...args,
      ])
      const [epoch = '', answers = ''] = values
      if (epoch === 'unknown') throw new OutcomeUnknownError(operation, 'It began a new epoch since.')
      for (const [index, answer] of answers.split('\n').entries()) {
        const { unit, resolve, reject } = units[index] as Waiting
        try {
          resolve(answerOf(unit as AppendUnit, epoch, answer, this.#options))
        } catch (error) {
          reject(error)
        }
      }
    } catch (error) {
      for (const { reject } of units) reject(error)
    } finally {
      for (const each of units) this.#settled(each)
    }
  }

  async #sendControl(waiting: Waiting, args: readonly string[]): Promise<void> {
    try {
      await this.#call([waiting], control, waiting.operation, () => args)
      waiting.resolve({ position: { epoch: '', seq: 0 }, stored: true })
    } catch (error) {
      waiting.reject(error)
    } finally {
      this.#settled(waiting)
    }
  }

  /** @param argsOf - gets the epoch at the first attempt, in a retry. */
  async #call(
    waiting: readonly Waiting[],
    script: Command['script'],
    operation: string,
    argsOf: (firstEpoch: string) => readonly string[],
  ): Promise<readonly string[]> {
    const { commands, runtime, owner, ready } = this.#options
    const number = String((this.#calls += 1))
    let firstEpoch = ''
    await ready()
    const { values } = await commands.run({
      script,
      operation,
      changes: 'the log',
      timeoutMs: (waiting[0]?.deadline ?? 0) - runtime.now(),
      args: (isRetry) => {
        if (!isRetry) firstEpoch = commands.epoch
        return [owner, number, ...argsOf(isRetry ? firstEpoch : '')]
      },
    })
    return values
  }
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0)
}
