import { createClient } from '@redis/client'
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
  readonly namespace: string
  /** The greatest `seq` that was appended, and that was heard of. */
  appendedSeq: number
  heardSeq: number
  /** How many control entries were written to be announced, and how many hubs have received. */
  controlsWritten: number
  controlsHeard: number
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
  const namespace = `hub-${(namespaces += 1)}`
  const log = redisLog({ url: redis.url, namespace, maxEvents })
  const state: OpenLog = { log, namespace, appendedSeq: 0, heardSeq: 0, controlsWritten: 0, controlsHeard: 0 }
  open.add(state)
  log.tail({
    appended: ({ position }) => {
      state.heardSeq = position.seq
    },
    cancelled: () => undefined,
    restarted: () => undefined,
    skipped: () => undefined,
    abandoned: () => undefined,
    controlled: () => {
      state.controlsHeard += 1
    },
  })
  return {
    append: async (event) => {
      const position = await count(log.append(event))
      state.appendedSeq = Math.max(state.appendedSeq, position.seq)
      return position
    },
    appendBatch: async (...args) => {
      const appended = await count(log.appendBatch(...args))
      state.appendedSeq = Math.max(state.appendedSeq, appended.position.seq)
      return appended
    },
    control: async (name, value, options) => {
      await count(log.control(name, value, options))
      if (options.notify !== false) state.controlsWritten += 1
    },
    controls: (prefix) => count(log.controls(prefix)),
    claim: (topic) => count(log.claim(topic)),
    end: async (...args) => {
      const position = await count(log.end(...args))
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
  return (
    underWay === 0 &&
    [...open].every((each) => each.heardSeq >= each.appendedSeq && each.controlsHeard >= each.controlsWritten)
  )
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
      await new Promise((resolve) => {
        setTimeout(resolve, 1)
      })
    }
  }
}

// Redis has a clock of its own. In place of waiting, what is kept until a time is kept until an earlier one.
const elapseScript = `
local ended, due, controls, lapses = unpack(KEYS)
local function bring_forward(key, topic)
  if redis.call('ZSCORE', key, topic) then redis.call('ZINCRBY', key, -ARGV[1], topic) end
end
for _, topic in ipairs(redis.call('ZRANGE', ended, 0, -2)) do bring_forward(due, topic) end
for _, name in ipairs(redis.call('ZRANGE', lapses, 0, -2)) do
  bring_forward(lapses, name)
  local at, rest = string.match(redis.call('HGET', controls, name), '^(%d+)( .*)$')
  redis.call('HSET', controls, name, string.format('%.0f', at - ARGV[1]) .. rest)
end
`

async function elapse(durationMs: number): Promise<void> {
  await settled()
  const client = await createClient({ url: redis.url }).connect()
  try {
    for (const { namespace } of open) {
      const keys = ['ended', 'due', 'controls', 'lapses'].map((name) => `{${namespace}}:${name}`)
      await client.eval(elapseScript, { keys, arguments: [String(durationMs)] })
    }
  } finally {
    client.destroy()
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

  useLogs({ create, usual: () => create({}), settled, elapse })
  await import('../../sse-server/test/hub.test.ts')
  await import('../../sse-server/test/hub-finite.test.ts')
  await import('../../sse-server/test/hub-access.test.ts')
  await import('../../sse-server/test/hub-drain.test.ts')
  await import('../../sse-server/test/hub-callbacks.test.ts')
  await import('../../sse-server/test/hub-read.test.ts')
  await import('../../sse-server/test/hub-join.test.ts')
  await import('../../sse-server/test/hub-control.test.ts')
  await import('../../sse-server/test/hub-publishing.test.ts')
  await import('../../sse-server/test/ends.test.ts')
  await import('../../sse-server/test/drop-ins/resumable-stream.test.ts')
  await import('../../sse-server/test/drop-ins/mcp-event-store.test.ts')
  await import('../../sse-server/test/drop-ins/tanstack-ai.test.ts')
})
