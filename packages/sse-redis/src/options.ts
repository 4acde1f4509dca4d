import { OptionError, systemRuntime, type Runtime } from '@sse-toolkit/sse-server'
import type { RedisClient } from './redis-client.ts'

/** Options of {@link redisLog}. All processes of a hub give the same. */
export interface RedisLogOptions {
  /**
   * Where Redis is: `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS. The log makes its own
   * client of it. Either this or `redis`.
   */
  readonly url?: string | undefined
  /**
   * A client of `@redis/client` or `redis`. Of a single server's the settings are taken (address, TLS, credentials), and
   * two connections like it made: it need not be connected, and stays yours. A cluster's or sentinel's is used itself.
   */
  readonly redis?: RedisClient | undefined
  /** Which log it is, among those on one Redis: 1 to 100 characters without braces and spaces. @defaultValue `sse` */
  readonly namespace?: string | undefined
  /** Events in all; more evict the oldest. @defaultValue 10 000 */
  readonly maxEvents?: number | undefined
  /** Milliseconds for which an event is kept, by Redis' clock. @defaultValue 600 000. 0 is for ever. */
  readonly maxAgeMs?: number | undefined
  /**
   * Milliseconds within which Redis is to answer. For that long an append is tried again when a connection fails; then it
   * rejects.
   *
   * @defaultValue 5000
   */
  readonly commandTimeoutMs?: number | undefined
  /** Events that wait to be appended; one more rejects. @defaultValue 10 000 */
  readonly maxPendingEvents?: number | undefined
  /**
   * How often each process looks whether it has missed anything, in milliseconds. A lost message of Redis is noticed with
   * the next event, or, when none follows, after twice this.
   *
   * @defaultValue 1000
   */
  readonly syncIntervalMs?: number | undefined
  /**
   * Milliseconds after which a process that was not heard of has lost the topics it runs: another one ends them, as
   * failed. At least three times `syncIntervalMs`.
   *
   * @defaultValue 15 000
   */
  readonly leaseMs?: number | undefined
  /**
   * Whether a Redis that was restarted, or took the place of another, may lack what had been acknowledged.
   *
   * - `lossy`: it may. Its restart begins a new epoch, and every reader is told of a gap.
   * - `lossless`: it never does (`appendonly yes` with `appendfsync always` and no failover, or a service that says so): a
   *   restart is no gap. Should any process have seen more than it holds, it is one all the same.
   *
   * @defaultValue `'lossy'`
   */
  readonly failover?: 'lossy' | 'lossless' | undefined
  /** Hears what goes wrong with no caller to tell: connections, and what is swept. @defaultValue `console.error` */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Clock, timers and chance, for tests and simulations. @defaultValue the host's */
  readonly runtime?: Runtime | undefined
}

export interface Settings {
  readonly namespace: string
  readonly maxEvents: number
  readonly maxAgeMs: number
  readonly commandTimeoutMs: number
  readonly maxPendingEvents: number
  readonly syncIntervalMs: number
  readonly leaseMs: number
  readonly failover: 'lossy' | 'lossless'
  readonly onError: (error: unknown) => void
  readonly runtime: Runtime
}

// The longest delay that setTimeout takes; above it, it fires at once.
const maxTimerMs = 2_147_483_647

/** @throws {@link OptionError} */
export function settingsOf(options: RedisLogOptions): Settings {
  const syncIntervalMs = integer('syncIntervalMs', options.syncIntervalMs, 1000, 10, maxTimerMs)
  return {
    namespace: namespaceOf(options.namespace),
    maxEvents: integer('maxEvents', options.maxEvents, 10_000, 1, 100_000_000),
    maxAgeMs: integer('maxAgeMs', options.maxAgeMs, 600_000, 0, Number.MAX_SAFE_INTEGER),
    commandTimeoutMs: integer('commandTimeoutMs', options.commandTimeoutMs, 5000, 1, maxTimerMs),
    maxPendingEvents: integer('maxPendingEvents', options.maxPendingEvents, 10_000, 1, 100_000_000),
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
  return (error) => {
    try {
      listener(error)
    } catch (failure) {
      console.error(failure)
    }
  }
  /* oxlint-enable no-console */
}
