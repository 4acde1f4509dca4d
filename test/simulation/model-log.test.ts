import { eventLogContract } from '@sse-toolkit/sse-server/event-log-contract'
import { createSeededRandom } from '@sse-toolkit/test-support'
import { describe, expect, it } from 'vitest'
import { ModelLogServer } from './model-log-server.ts'
import { openModelLog } from './model-log.ts'
import type { ModelLog } from './model-log.ts'
import { createVirtualTime } from './virtual-time.ts'

describe('the model of a shared log, without faults', () => {
  const servers = new WeakMap<object, ModelLogServer>()
  const random = createSeededRandom(1)

  function open(server: ModelLogServer): ModelLog {
    const log = openModelLog({
      server,
      // The contract is run on the host's clock.
      runtime: {
        now: () => performance.now(),
        setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
        clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
      },
      random,
      faults: { lostNotification: 0, lostAnswer: 0, slow: 0, maxLatencyMs: 1 },
      probeIntervalMs: 1000,
    })
    servers.set(log, server)
    return log
  }

  const cases = eventLogContract({
    createLog({ maxEvents, ...limits }) {
      const time = createVirtualTime()
      const server = new ModelLogServer({
        time: {
          ...time,
          get nowMs() {
            return performance.now()
          },
          clear: (timer) => void Object.assign(timer, { callback: () => {} }),
          after(delayMs, callback) {
            const timer = { dueMs: 0, order: 0, callback }
            setTimeout(() => timer.callback(), delayMs)
            return timer
          },
        },
        createEpoch: () => 'model',
        maxEvents,
        maxEventsPerTopic: maxEvents,
        ...limits,
        onEpoch: () => {},
        onStored: () => {},
      })
      return open(server)
    },
    openAgain(log) {
      return open(servers.get(log) as ModelLogServer)
    },
  })
  it.each(cases)('$name', async ({ run }) => {
    await expect(run()).resolves.toBeUndefined()
  })
})
