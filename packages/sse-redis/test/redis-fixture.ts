import { createClient } from '@redis/client'
import { redisLog } from '@sse-toolkit/sse-redis'
import type { RedisClient, RedisLog, RedisLogOptions } from '@sse-toolkit/sse-redis'
import { systemRuntime } from '@sse-toolkit/sse-server'
import type { EventLog, LogEntry, LogPage, LogTailListener, Position, Runtime } from '@sse-toolkit/sse-server'
import { findRedisServer, startRedis } from '@sse-toolkit/test-support'
import type { StartedRedis } from '@sse-toolkit/test-support'
import { afterAll, afterEach, beforeAll } from 'vitest'

export const server: ReturnType<typeof findRedisServer> = findRedisServer()

export type KeyType = 'hash' | 'list' | 'set' | 'stream' | 'string' | 'zset'

export type KeyName =
  | 'meta'
  | 'log'
  | 'index'
  | 'gone'
  | 'held'
  | 'finite'
  | 'ends'
  | 'ended'
  | 'due'
  | 'expired'
  | 'writers'
  | 'alive'
  | 'producers'
  | 'batches'
  | 'controls'
  | 'lapses'

/** The keys of a log. */
export const keyTypes: Readonly<Record<KeyName, KeyType>> = {
  meta: 'hash',
  log: 'stream',
  index: 'zset',
  gone: 'zset',
  held: 'hash',
  finite: 'hash',
  ends: 'hash',
  ended: 'zset',
  due: 'zset',
  expired: 'zset',
  writers: 'hash',
  alive: 'zset',
  producers: 'zset',
  batches: 'hash',
  controls: 'hash',
  lapses: 'zset',
}

export const keyNames = Object.keys(keyTypes) as readonly KeyName[]

export interface RedisFixture {
  readonly url: string
  readonly port: number
  readonly newNamespace: () => string
  /** A log with shortened times, which is closed after the test. */
  readonly open: (options?: RedisLogOptions) => RedisLog
  readonly command: <T>(...args: readonly string[]) => Promise<T>
}

/** One Redis for all tests of a file. */
export function useRedis(serverArgs: readonly string[] = []): RedisFixture {
  let redis: StartedRedis | undefined
  let namespaces = 0
  const opened: RedisLog[] = []

  const started = (): StartedRedis => {
    if (redis === undefined) throw new Error('Redis is started before the first test')
    return redis
  }
  beforeAll(async () => {
    if (!server.skip) redis = await startRedis({ args: serverArgs })
  })
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((log) => log.close()))
  })
  afterAll(() => redis?.[Symbol.asyncDispose]())

  const newNamespace = (): string => `test-${(namespaces += 1)}`
  return {
    get url() {
      return started().url
    },
    get port() {
      return started().port
    },
    newNamespace,
    open: (options = {}) => {
      const log = redisLog({
        ...(options.redis === undefined && { url: started().url }),
        namespace: newNamespace(),
        syncIntervalMs: 50,
        leaseMs: 400,
        commandTimeoutMs: 5000,
        onError: () => undefined,
        ...options,
      })
      opened.push(log)
      return log
    },
    command: (...args) => commandAt(started().url, ...args),
  }
}

/** Sends one command over a connection of its own. */
export async function commandAt<T>(url: string, ...args: readonly string[]): Promise<T> {
  const client = createClient({ url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await client.sendCommand<T>([...args])
  } finally {
    client.destroy()
  }
}

export function append(log: EventLog, topic: string, data = ''): Promise<Position> {
  return log.append({ topic, event: undefined, data, key: undefined })
}

export function end(log: EventLog, topic: string, ttlMs = 60_000): Promise<Position | undefined> {
  return log.end({ topic, event: 'stream.end', data: '{}', key: undefined }, ttlMs)
}

export function read(log: EventLog, topic: string, after = 0, limit = 1000): Promise<LogPage> {
  return log.read([{ text: topic, tokens: topic.split('.'), hasWildcard: /[*>]/.test(topic) }], after, limit)
}

/** All that the log has of a topic, page by page. */
export async function readAll(
  log: EventLog,
  topic: string,
  limit = 1000,
): Promise<{ readonly entries: readonly LogEntry[]; readonly evictedUpTo: number }> {
  const entries: LogEntry[] = []
  let evictedUpTo = 0
  for (;;) {
    const page = await read(log, topic, entries.at(-1)?.position.seq ?? 0, limit)
    if (entries.length === 0) ({ evictedUpTo } = page)
    entries.push(...page.entries)
    if (!page.more) return { entries, evictedUpTo }
  }
}

/** The notifications of a tail, as words. */
export interface Heard {
  readonly heard: readonly string[]
  readonly entries: readonly LogEntry[]
  readonly stop: () => void
}

export function listen(log: EventLog): Heard {
  const heard: string[] = []
  const entries: LogEntry[] = []
  const listener: LogTailListener = {
    appended: (entry) => {
      entries.push(entry)
      heard.push(entry.data)
    },
    cancelled: (topic) => heard.push(`cancelled ${topic}`),
    restarted: ({ seq }) => heard.push(`restarted at ${seq}`),
    skipped: ({ seq }) => heard.push(`skipped to ${seq}`),
    abandoned: (topic) => heard.push(`abandoned ${topic}`),
    controlled: ({ name, value }) => heard.push(`control ${name} ${value}`),
  }
  return { heard, entries, stop: log.tail(listener) }
}

export const deaf: LogTailListener = {
  appended: () => undefined,
  cancelled: () => undefined,
  restarted: () => undefined,
  skipped: () => undefined,
  abandoned: () => undefined,
}

/** A client that is used as it is, as those of a cluster are, and does some of it as the test says. */
export function relayingClient(client: RedisClient, overrides: Partial<RedisClient>): RedisClient {
  return {
    get isOpen() {
      return client.isOpen
    },
    connect: () => client.connect(),
    evalSha: (...args) => client.evalSha(...args),
    eval: (...args) => client.eval(...args),
    sSubscribe: (...args) => client.sSubscribe(...args),
    sUnsubscribe: (...args) => client.sUnsubscribe(...args),
    on: (...args) => client.on(...args),
    off: (...args) => client.off(...args),
    destroy: () => client.destroy(),
    ...overrides,
  }
}

export interface ObservedRuntime {
  readonly runtime: Runtime
  /** Timers that are set now. */
  readonly pending: () => number
  /** Rounds of maintenance that have ended: after each, the timer of the next is set. */
  readonly rounds: () => number
}

/**
 * The host's clock, and what is done with it.
 *
 * @param syncIntervalMs - Of the log. Above 85, no other timer of a log that is open has such a delay.
 */
export function observeRuntime(syncIntervalMs = 100): ObservedRuntime {
  const timers = new Set<unknown>()
  let rounds = 0
  return {
    runtime: {
      ...systemRuntime,
      setTimeout: (callback, delayMs) => {
        if (delayMs >= syncIntervalMs * 0.9 && delayMs <= syncIntervalMs * 1.1) rounds += 1
        const timer = systemRuntime.setTimeout(() => {
          timers.delete(timer)
          callback()
        }, delayMs)
        timers.add(timer)
        return timer
      },
      clearTimeout: (timer) => {
        timers.delete(timer)
        systemRuntime.clearTimeout(timer)
      },
    },
    pending: () => timers.size,
    rounds: () => rounds,
  }
}
