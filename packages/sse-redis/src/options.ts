import { OptionError, systemRuntime } from '@sse-toolkit/sse-server'
import type { Runtime } from '@sse-toolkit/sse-server'
import type { RedisClient } from './connection/redis-client.ts'

/** Options of {@link redisLog}. All processes of a hub must give the same ones. */
export interface RedisLogOptions {
  /**
   * Where Redis is: `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS. Give either this or `redis`.
   */
  readonly url?: string | undefined
  /**
   * A client of `@redis/client` or `redis`. If it is for a single server, the log takes only its settings (address, TLS,
   * credentials) and opens three connections of its own; the client need not be connected. The client of a cluster or a
   * sentinel is used itself. In both cases you close it.
   */
  readonly redis?: RedisClient | undefined
  /** Tells logs on one Redis apart: 1 to 100 characters without braces and spaces. @defaultValue `sse` */
  readonly namespace?: string | undefined
  /** The number of events the log holds, over all topics. Beyond it the oldest are evicted. @defaultValue 10 000 */
  readonly maxEvents?: number | undefined
  /** Milliseconds for which an event is kept, by Redis' clock. 0 keeps events forever. @defaultValue 600 000 */
  readonly maxAgeMs?: number | undefined
  /**
   * Milliseconds that Redis has for each command, and for each step of opening a connection. Until then a command is
   * repeated when its connection fails; then it rejects.
   *
   * @defaultValue 5000
   */
  readonly commandTimeoutMs?: number | undefined
  /** How many events may wait to be appended in this process. One more rejects. @defaultValue 10 000 */
  readonly maxPendingEvents?: number | undefined
  /**
   * How many bytes of events may wait to be appended in this process: their texts in UTF-8, and 64 for each. What would
   * exceed it rejects, unless nothing else waits.
   *
   * @defaultValue 67 108 864 (64 MiB)
   */
  readonly maxPendingBytes?: number | undefined
  /**
   * Bytes that a running or ended topic may hold: its data in UTF-8, and 64 for each event. They come on top of `maxEvents`
   * and `maxAgeMs`, which do not concern such a topic. Its producer gets `TopicFullError`.
   *
   * @defaultValue 8 388 608 (8 MiB)
   */
  readonly maxHeldBytesPerTopic?: number | undefined
  /**
   * The same for all running and ended topics together. Where it is reached, ended topics expire, the oldest first, and then
   * producers get `TopicFullError`.
   *
   * @defaultValue 67 108 864 (64 MiB)
   */
  readonly maxHeldBytes?: number | undefined
  /** Producers whose numbers are known, each with its last 1024 batches: up to 12 KiB of Redis. @defaultValue 100 000 */
  readonly maxProducers?: number | undefined
  /** Milliseconds for which a producer that publishes nothing is known, by Redis' clock. @defaultValue 86 400 000, a day */
  readonly producerTtlMs?: number | undefined
  /**
   * How many bytes of events this process holds for readers: half for the newest events, half for what was read lately. What
   * many readers ask for is read from Redis once. The hub keeps its formatted blocks with the events, which takes about as
   * much again. 0 holds nothing.
   *
   * @defaultValue 33 554 432 (32 MiB)
   */
  readonly maxCachedBytes?: number | undefined
  /**
   * Milliseconds between two rounds of maintenance, in which each process checks Redis, renews its leases and looks for
   * lost messages. The next event shows a lost message at once; if none follows, it takes up to two rounds.
   *
   * @defaultValue 1000
   */
  readonly syncIntervalMs?: number | undefined
  /**
   * Milliseconds after which a process that did not renew its leases loses the topics it runs: another process ends them
   * as failed. At least three times `syncIntervalMs`.
   *
   * @defaultValue 15 000
   */
  readonly leaseMs?: number | undefined
  /**
   * Whether a Redis that was restarted, or took over from another, may lack writes that had been acknowledged.
   *
   * - `lossy`: it may. Its restart begins a new epoch, and every reader gets a gap.
   * - `lossless`: it never does (`appendonly yes` with `appendfsync always` and no failover, or a service that guarantees
   *   it). A restart is not a gap, unless some process has seen more than Redis holds.
   *
   * @defaultValue `'lossy'`
   */
  readonly failover?: 'lossy' | 'lossless' | undefined
  /** Gets errors that no caller would get: of connections, and of maintenance. @defaultValue `console.error` */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Clock, timers and randomness, for tests and simulations. @defaultValue the host's */
  readonly runtime?: Runtime | undefined
}

export interface Settings {
  readonly namespace: string
  readonly maxEvents: number
  readonly maxAgeMs: number
  readonly commandTimeoutMs: number
  readonly maxPendingEvents: number
  readonly maxPendingBytes: number
  readonly maxHeldBytesPerTopic: number
  readonly maxHeldBytes: number
  readonly maxProducers: number
  readonly producerTtlMs: number
  readonly maxCachedBytes: number
  readonly syncIntervalMs: number
  readonly leaseMs: number
  readonly failover: 'lossy' | 'lossless'
  readonly onError: (error: unknown) => void
  readonly runtime: Runtime
}

// The longest delay that setTimeout takes. A longer one fires at once.
const maxTimerMs = 2_147_483_647

const largest = Number.MAX_SAFE_INTEGER

/** @throws {@link OptionError} */
export function settingsOf(options: RedisLogOptions): Settings {
  const syncIntervalMs = integer('syncIntervalMs', options.syncIntervalMs, 1000, 10, maxTimerMs)
  return {
    namespace: namespaceOf(options.namespace),
    maxEvents: integer('maxEvents', options.maxEvents, 10_000, 1, 100_000_000),
    maxAgeMs: integer('maxAgeMs', options.maxAgeMs, 600_000, 0, largest),
    commandTimeoutMs: integer('commandTimeoutMs', options.commandTimeoutMs, 5000, 1, maxTimerMs),
    maxPendingEvents: integer('maxPendingEvents', options.maxPendingEvents, 10_000, 1, 100_000_000),
    maxPendingBytes: integer('maxPendingBytes', options.maxPendingBytes, 67_108_864, 1, largest),
    maxHeldBytesPerTopic: integer(
      'maxHeldBytesPerTopic',
      options.maxHeldBytesPerTopic,
      8_388_608,
      1,
      largest,
    ),
    maxHeldBytes: integer('maxHeldBytes', options.maxHeldBytes, 67_108_864, 1, largest),
    maxProducers: integer('maxProducers', options.maxProducers, 100_000, 1, 100_000_000),
    producerTtlMs: integer('producerTtlMs', options.producerTtlMs, 86_400_000, 1, largest),
    maxCachedBytes: integer('maxCachedBytes', options.maxCachedBytes, 33_554_432, 0, largest),
    syncIntervalMs,
    leaseMs: integer(
      'leaseMs',
      options.leaseMs,
      Math.max(15_000, 3 * syncIntervalMs),
      3 * syncIntervalMs,
      maxTimerMs,
    ),
    failover: failoverOf(options.failover),
    onError: errorReporter(options.onError),
    runtime: options.runtime ?? systemRuntime,
  }
}

function integer(
  option: string,
  value: number | undefined,
  fallback: number,
  least: number,
  most: number,
): number {
  if (value === undefined) return fallback
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw new OptionError(option, value, `an integer from ${least} to ${most}`)
  }
  return value
}

function namespaceOf(value: string | undefined): string {
  if (value === undefined) return 'sse'
  if (typeof value !== 'string' || !/^[^{}\s]{1,100}$/.test(value)) {
    throw new OptionError('namespace', value, '1 to 100 characters without braces and spaces')
  }
  return value
}

function failoverOf(value: RedisLogOptions['failover']): 'lossy' | 'lossless' {
  if (value !== undefined && value !== 'lossy' && value !== 'lossless') {
    throw new OptionError('failover', value, `one of 'lossy', 'lossless'`)
  }
  return value ?? 'lossy'
}

function errorReporter(listener: RedisLogOptions['onError']): (error: unknown) => void {
  if (listener !== undefined && typeof listener !== 'function') {
    throw new OptionError('onError', listener, 'a function')
  }
  /* oxlint-disable no-console -- the last resort */
  if (listener === undefined) return (error) => console.error(error)
  const report = async (error: unknown): Promise<void> => {
    try {
      // It may be asynchronous, whatever its type says: a rejection would end the process.
      await (listener(error) as unknown)
    } catch (failure) {
      console.error(failure)
    }
  }
  return (error) => void report(error)
  /* oxlint-enable no-console */
}
