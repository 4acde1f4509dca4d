import { createClient } from '@redis/client'
import { findRedisServer, startRedis } from '@sse-toolkit/test-support'
import type { StartedRedis } from '@sse-toolkit/test-support'
import { redisLog } from '@sse-toolkit/sse-redis'
import type { EventLog } from '@sse-toolkit/sse-server'
import { afterAll, afterEach, beforeAll, describe } from 'vitest'
import { createCountedLogs } from '../../sse-server/test/counted-logs.ts'
import { useLogs } from '../../sse-server/test/test-logs.ts'

// All tests of the hub, as they are over a log in memory, over logs on Redis.

const server = findRedisServer()

const counted = createCountedLogs()
const namespaces = new Set<string>()
let redis: StartedRedis

function create({ maxEvents }: { readonly maxEvents?: number }): EventLog {
  const namespace = `hub-${namespaces.size}`
  namespaces.add(namespace)
  return counted.count(redisLog({ url: redis.url, namespace, maxEvents }))
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
  await counted.settled()
  const client = await createClient({ url: redis.url }).connect()
  try {
    for (const namespace of namespaces) {
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
  afterEach(() => counted.close())
  afterAll(() => redis[Symbol.asyncDispose]())

  useLogs({ create, usual: () => create({}), settled: () => counted.settled(), elapse })
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
