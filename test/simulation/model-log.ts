import { checkBatch, checkTopic, HubClosedError, LogTails } from '@sse-toolkit/sse-server'
import type {
  Appended,
  AppendOptions,
  ControlEntry,
  ControlOptions,
  EventLog,
  LogEntry,
  LoggedEvent,
  LogPage,
  LogTailListener,
  Position,
  ProducerSequence,
  Runtime,
  TopicPattern,
  TopicState,
  TopicStatus,
} from '@sse-toolkit/sse-server'
import type { SeededRandom } from '@sse-toolkit/test-support'
import type { ModelLogServer, Notification } from './model-log-server.ts'

/** Why a call of the log failed. Whether it was carried out is not known. */
class LogUnavailableError extends Error {
  override readonly name = 'LogUnavailableError'
  readonly code = 'log-unavailable'
}

/** The faults between a process and the log, as a Redis shows them. Read at each use, so that they can change. */
export interface LogFaults {
  /** Chance that a notification does not arrive. */
  lostNotification: number
  /** Chance that the answer to a call is lost, after it was carried out. */
  lostAnswer: number
  /** Chance that a call takes seconds. */
  slow: number
  readonly maxLatencyMs: number
}

export interface ModelLogOptions {
  readonly server: ModelLogServer
  readonly runtime: Pick<Runtime, 'now' | 'setTimeout' | 'clearTimeout'>
  readonly random: SeededRandom
  readonly faults: LogFaults
  /** How often the head is read in addition to notifications: this reveals the loss of the last notification. */
  readonly probeIntervalMs: number
}

/** One process's end of a shared log. */
export interface ModelLog extends EventLog {
  /** Nothing goes over its connections; what is under way is lost. */
  disconnect(): void
  connect(): void
}

const fillPageSize = 16
const refillAfterMs = 500

/**
 * The contract of `EventLog` over connections that lose things.
 *
 *     notification (entry, previousSeq)
 *       previousSeq was announced  -> notify the listeners
 *       it is beyond that          -> something was lost. Fill: read all after the last announced, and announce it
 *       it is of another epoch     -> the log has lost its memory. Fill, which begins with saying so
 *
 * Calls and notifications go over connections of their own, each in order, neither in step with the other.
 */
export function openModelLog(options: ModelLogOptions): ModelLog {
  const { server, runtime, random, faults, probeIntervalMs } = options
  const pending = new Set<(error: LogUnavailableError) => void>()
  const tails = new LogTails()
  const owner = Symbol('process')
  let told: Position = server.head
  let commandedVersion = server.controlVersion
  let isClosed = false
  let isFilling = false
  // Notifications that arrived during a fill may be beyond the events that the fill has read.
  let isBehind = false
  // Which connection it is: what was sent over an older one does not arrive.
  let connection = 1
  let isConnected = true
  let unsubscribe = server.subscribe(receive)
  let lastCallMs = 0
  let lastNotificationMs = 0
  let timer = runtime.setTimeout(probe, probeIntervalMs)

  function latencyMs(): number {
    return random() < faults.slow ? random() * 3000 : random() * faults.maxLatencyMs
  }

  function receive(notification: Notification): void {
    if (random() < faults.lostNotification) return
    const current = connection
    lastNotificationMs = Math.max(lastNotificationMs, runtime.now() + latencyMs())
    runtime.setTimeout(
      () => {
        if (current !== connection || isClosed) return
        if (notification.type === 'cancelled') tell((listener) => listener.cancelled(notification.topic))
        else if (notification.type === 'controlled') command(notification.entry, notification.version)
        else notice(notification.entry, notification.previousSeq)
      },
      Math.max(0, lastNotificationMs - runtime.now()),
    )
  }

  function notice(entry: LogEntry, previousSeq: number): void {
    const { epoch, seq } = entry.position
    if (isFilling) isBehind = true
    else if (epoch !== told.epoch || previousSeq > told.seq) void fill()
    else if (seq > told.seq) tellOf(entry)
  }

  function command(entry: ControlEntry, version: number): void {
    // This event does not follow the last announced one: the events between were lost, and are read from the log.
    if (version !== commandedVersion + 1) {
      void fill()
      return
    }
    commandedVersion = version
    tell((listener) => listener.controlled?.(entry))
  }

  function tellOf(entry: LogEntry): void {
    told = entry.position
    tell((listener) => listener.appended(entry))
  }

  function skip(position: Position): void {
    told = position
    tell((listener) => listener.skipped(position))
  }

  function tell(news: (listener: LogTailListener) => void): void {
    tails.notify(news)
  }

  /** Announces all stored events that were not announced yet, in order. Repeated until it succeeds. */
  async function fill(): Promise<void> {
    if (isFilling || isClosed) return
    isFilling = true
    try {
      do {
        isBehind = false
        await fillOnce()
        // oxlint-disable-next-line no-unmodified-loop-condition -- close() may change it during the await
      } while (isBehind && !isClosed)
      isFilling = false
    } catch {
      // The log is unreachable: the process serves the events it has, and tries again.
      runtime.setTimeout(() => {
        isFilling = false
        void fill()
      }, refillAfterMs)
    }
  }

  async function fillOnce(): Promise<void> {
    for (;;) {
      const from = told
      const { head, page, version, controls } = await call(() => ({
        head: server.head,
        page: server.read(['>'], from.seq, fillPageSize),
        version: server.controlVersion,
        controls: server.controls(''),
      }))
      if (isClosed) return
      if (version !== commandedVersion) {
        commandedVersion = version
        for (const entry of controls) tell((listener) => listener.controlled?.(entry))
      }
      if (head.epoch !== from.epoch) {
        told = { epoch: head.epoch, seq: head.seq }
        tell((listener) => listener.restarted(head))
        return
      }
      // Events that were evicted before the notification. Their gap comes first: the reader is still at its old position.
      if (page.evictedUpTo > from.seq) skip({ epoch: head.epoch, seq: page.evictedUpTo })
      for (const entry of page.entries) if (entry.position.seq > told.seq) tellOf(entry)
      if (!page.more) return
    }
  }

  function probe(): void {
    timer = runtime.setTimeout(probe, probeIntervalMs)
    void fill()
  }

  /** Carries out one step at the server. Without an answer, the caller does not know whether it was carried out. */
  function call<Result>(step: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      const current = connection
      pending.add(reject)
      const finish = (settle: () => void): void => {
        if (pending.delete(reject)) settle()
      }
      const fail = (text: string): void => finish(() => reject(new LogUnavailableError(text)))
      if (!isConnected) {
        runtime.setTimeout(() => fail('There is no connection to the log'), 1)
        return
      }
      lastCallMs = Math.max(lastCallMs, runtime.now() + latencyMs())
      runtime.setTimeout(
        () => {
          if (current !== connection || !pending.has(reject)) return
          let settle: () => void
          try {
            const result = step()
            settle = () => resolve(result)
          } catch (error) {
            settle = () => reject(error)
          }
          if (random() < faults.lostAnswer) fail('The connection to the log broke before the answer came')
          else runtime.setTimeout(() => finish(settle), random() * faults.maxLatencyMs)
        },
        Math.max(0, lastCallMs - runtime.now()),
      )
    })
  }

  function failPending(text: string): void {
    for (const reject of pending) reject(new LogUnavailableError(text))
    pending.clear()
  }

  function requireOpen(): void {
    if (isClosed) throw new HubClosedError()
  }

  return {
    async append(event: LoggedEvent, { onlyIfClaimed = false }: AppendOptions = {}): Promise<Position> {
      requireOpen()
      checkTopic(event.topic)
      return call(() => server.append(event, onlyIfClaimed ? owner : undefined))
    },
    async appendBatch(events: readonly LoggedEvent[], producer?: ProducerSequence): Promise<Appended> {
      requireOpen()
      checkTopic(checkBatch(events))
      return call(() => server.appendBatch(events, producer))
    },
    async claim(topic: string): Promise<TopicState> {
      requireOpen()
      checkTopic(topic)
      return call(() => server.claim(topic, owner))
    },
    async end(
      event: LoggedEvent,
      ttlMs: number,
      before?: readonly LoggedEvent[],
    ): Promise<Position | undefined> {
      checkTopic(event.topic)
      return call(() => server.end(event, ttlMs, before))
    },
    async control(name: string, value: string, { ttlMs, notify = true }: ControlOptions): Promise<void> {
      requireOpen()
      return call(() => server.control(name, value, ttlMs, notify))
    },
    controls: (prefix: string): Promise<readonly ControlEntry[]> => call(() => server.controls(prefix)),
    async cancel(topic: string): Promise<TopicState> {
      checkTopic(topic)
      return call(() => server.cancel(topic))
    },
    async status(topic: string): Promise<TopicStatus> {
      checkTopic(topic)
      return call(() => server.status(topic))
    },
    async read(patterns: readonly TopicPattern[], after: number, limit: number): Promise<LogPage> {
      const texts = patterns.map(({ text }) => text)
      for (;;) {
        const { epoch, page } = await call(() => ({
          epoch: server.head.epoch,
          page: server.read(texts, after, limit),
        }))
        if (epoch === told.epoch) return page
        // The reader's position belongs to the announced epoch. Another epoch must be announced first.
        await fill()
        if (epoch !== told.epoch) throw new LogUnavailableError('The log goes on in another epoch')
      }
    },
    head: (): Promise<Position> => call(() => server.head),
    tail(listener) {
      return tails.add(listener)
    },
    disconnect() {
      isConnected = false
      connection += 1
      unsubscribe()
      failPending('The connection to the log broke')
    },
    connect() {
      if (isConnected || isClosed) return
      isConnected = true
      unsubscribe = server.subscribe(receive)
      void fill()
    },
    async close() {
      isClosed = true
      tails.clear()
      unsubscribe()
      runtime.clearTimeout(timer)
      failPending('The log was closed')
    },
  }
}
