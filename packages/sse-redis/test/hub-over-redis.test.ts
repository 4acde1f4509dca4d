import { setTimeout as sleep } from 'node:timers/promises'
import { findRedisServer, startRedis } from '@sse-toolkit/test-support'
import type { StartedRedis } from '@sse-toolkit/test-support'
import { redisLog } from '@sse-toolkit/sse-redis'
import type { RedisLog } from '@sse-toolkit/sse-redis'
import type { EventLog } from '@sse-toolkit/sse-server'
import { afterAll, afterEach, beforeAll, describe } from 'vitest'
import { useLogs } from '../../sse-server/test/test-logs.ts'

// All tests of the hub, as they are over a log in memory, over logs on Redis.

const server = findRedisServer()

interface OpenLog {
  readonly log: RedisLog
  /** The greatest `seq` that was appended, and that was heard of. */
  appendedSeq: number
  heardSeq: number
}

const open = new Set<OpenLog>()
let namespaces = 0
let underWay = 0
let redis: StartedRedis

async function count<T>(promise: Promise<T>): Promise<T> {
  underWay += 1
  try {
    return await promise
  } finally {
    underWay -= 1
  }
}

/** Notes what is under way, so that a test can wait until nothing is. */
function create({ maxEvents }: { readonly maxEvents?: number }): EventLog {
  const log = redisLog({ url: redis.url, namespace: `hub-${(namespaces += 1)}`, maxEvents })
  const state: OpenLog = { log, appendedSeq: 0, heardSeq: 0 }
  open.add(state)
  log.tail({
    appended: ({ position }) => {
      state.heardSeq = position.seq
    },
    cancelled: () => undefined,
    restarted: () => undefined,
    skipped: () => undefined,
    abandoned: () => undefined,
  })
  return {
    append: async (event) => {
      const position = await count(log.append(event))
      state.appendedSeq = Math.max(state.appendedSeq, position.seq)
      return position
    },
    claim: (topic) => count(log.claim(topic)),
    end: async (event, ttlMs) => {
      const position = await count(log.end(event, ttlMs))
      state.appendedSeq = Math.max(state.appendedSeq, position?.seq ?? 0)
      return position
    },
    cancel: (topic) => count(log.cancel(topic)),
    status: (topic) => count(log.status(topic)),
    read: (...args) => count(log.read(...args)),
    tail: (listener) => log.tail(listener),
    head: () => count(log.head()),
    close: () => log.close(),
  }
}

function isQuiet(): boolean {
  return underWay === 0 && [...open].every(({ appendedSeq, heardSeq }) => heardSeq >= appendedSeq)
}

/** Quiet, and still so after what follows from the last answer. */
async function settled(): Promise<void> {
  for (let quietTurns = 0; quietTurns < 4;) {
    await new Promise<void>((resolve) => {
      setImmediate(() => setImmediate(resolve))
    })
    if (isQuiet()) quietTurns += 1
    else {
      quietTurns = 0
      await sleep(1)
    }
  }
}

describe.skipIf(server.skip)('over Redis', async () => {
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterEach(async () => {
    const logs = [...open]
    open.clear()
    await Promise.all(logs.map(({ log }) => log.close()))
  })
  afterAll(() => redis[Symbol.asyncDispose]())

  useLogs({ create, usual: () => create({}), settled, elapse: (durationMs) => sleep(durationMs + 10) })
  await import('../../sse-server/test/hub.test.ts')
  await import('../../sse-server/test/hub-finite.test.ts')
  await import('../../sse-server/test/hub-access.test.ts')
  await import('../../sse-server/test/hub-drain.test.ts')
  await import('../../sse-server/test/hub-callbacks.test.ts')
  await import('../../sse-server/test/hub-read.test.ts')
})
