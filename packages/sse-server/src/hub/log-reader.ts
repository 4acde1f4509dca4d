import { TopicExpiredError } from '../errors/topic-expired-error.ts'
import type { EventLog, LogEntry } from '../log/event-log.ts'
import type { TopicPattern } from '../topics/topic-pattern.ts'
import { formatEventId } from '../wire-contract/event-id.ts'
import type { Position } from '../wire-contract/event-id.ts'
import { parseReserved } from '../wire-contract/reserved-events.ts'
import type { HubReading } from './hub-options.ts'
import { beginReplay, pageSize, stepReplay } from './replay.ts'
import type { ReplayInput } from './replay.ts'
import type { PlannedStart } from './start.ts'

interface LogReaderOptions {
  readonly log: EventLog
  readonly patterns: readonly TopicPattern[]
  /** The newest position that the hub knows of. */
  readonly head: () => Position
  readonly signal: AbortSignal | undefined
  /** Called when the reader begins to wait for notifications. @returns a function that ends them. */
  readonly register: (reader: LogReader) => () => void
}

/**
 * Reads topics of a hub within the process: first what the log holds, then what is appended.
 *
 * All of it comes from the log, and a notification only wakes the reader. So a slow reader holds one page of the log at most,
 * and catches up by itself. Like a subscription, it does what `replay.ts` decides.
 */
export class LogReader {
  readonly #options: LogReaderOptions
  #position: Position = { epoch: '', seq: 0 }
  #isWoken = false
  #isClosed = false
  #restartedAt: Position | undefined = undefined
  #endWait: (() => void) | undefined = undefined

  constructor(options: LogReaderOptions) {
    this.#options = options
  }

  get patterns(): readonly TopicPattern[] {
    return this.#options.patterns
  }

  /** Events were appended. */
  wake(): void {
    this.#isWoken = true
    this.#endWait?.()
  }

  /** The log goes on in another epoch. */
  restart(head: Position): void {
    this.#restartedAt = head
    this.#endWait?.()
  }

  /** Ends the iteration. */
  close(): void {
    this.#isClosed = true
    this.#endWait?.()
  }

  async *read(planning: Promise<PlannedStart | 204 | 410>): AsyncGenerator<HubReading, undefined> {
    const { log, patterns, head, signal, register } = this.#options
    const planned = await planning
    if (planned === 204) return undefined
    if (planned === 410) throw new TopicExpiredError(patterns.map(({ text }) => text))
    const { unendedTopics } = planned
    const onAbort = (): void => this.#endWait?.()
    signal?.addEventListener('abort', onAbort)
    const unregister = register(this)
    // Made when their turn comes: the position may have changed by then.
    const inputs: (() => ReplayInput)[] = []
    try {
      const start = planned.atOpening()
      this.#position = start.position
      let { state, effects } = beginReplay(start, newer(start.head, head()))
      for (;;) {
        for (const effect of effects) {
          switch (effect.type) {
            case 'move':
              this.#position = effect.position
              break
            case 'announce':
              this.#position = effect.position
              yield { type: 'gap', id: formatEventId(effect.position), ...effect.gap }
              break
            case 'read': {
              this.#isWoken = false
              const page = await log.read(patterns, this.#position.seq, pageSize)
              inputs.push(() => ({ type: 'page', page, position: this.#position, head: head() }))
              break
            }
            case 'send-page':
              for (const entry of effect.entries) {
                if (!this.#advance(entry)) continue
                yield readingOf(entry)
                if (unendedTopics.endBy(entry)) return undefined
              }
              inputs.push(() => ({ type: 'page-sent', position: this.#position }))
              break
            case 'release':
              inputs.push(() => ({ type: 'held-sent', position: this.#position }))
              break
            case 'check-ends': {
              const expired = await unendedTopics.expired(log)
              const id = formatEventId(this.#position)
              for (const topic of expired) yield { type: 'end', id, topic, reason: 'expired' }
              if (expired.length > 0) return undefined
              break
            }
            // Nothing is held here: what arrives is read.
            case 'hold':
            case 'drop-held':
              break
          }
          signal?.throwIfAborted()
        }
        if (inputs.length === 0 || this.#restartedAt !== undefined) {
          const notification = await this.#notified()
          if (notification === undefined) return undefined
          inputs.unshift(() => notification)
        }
        const input = inputs.shift()
        if (input !== undefined) ({ state, effects } = stepReplay(state, input()))
      }
    } finally {
      signal?.removeEventListener('abort', onAbort)
      unregister()
    }
  }

  /** Waits for the next notification; undefined when the iteration is to end. */
  async #notified(): Promise<ReplayInput | undefined> {
    const { signal } = this.#options
    for (;;) {
      signal?.throwIfAborted()
      if (this.#isClosed) return undefined
      const position = this.#position
      const head = this.#restartedAt
      if (head !== undefined) {
        this.#restartedAt = undefined
        return { type: 'restarted', position, head }
      }
      if (this.#isWoken) return { type: 'skipped', position }
      await new Promise<void>((resolve) => {
        this.#endWait = resolve
      })
      this.#endWait = undefined
    }
  }

  /** @returns false for what the reader has had, and for what is of another epoch. */
  #advance({ position }: LogEntry): boolean {
    if (position.epoch !== this.#position.epoch || position.seq <= this.#position.seq) return false
    this.#position = position
    return true
  }
}

function newer(one: Position, other: Position): Position {
  return other.epoch === one.epoch && other.seq > one.seq ? other : one
}

function readingOf({ topic, event, data, position }: LogEntry): HubReading {
  const id = formatEventId(position)
  return { id, topic, ...(parseReserved(event, data) ?? { type: 'event', event: event ?? 'message', data }) }
}
