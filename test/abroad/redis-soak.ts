/**
 * Two hubs on one real Redis, under a schedule of faults that a seed draws: `pnpm soak --redis [--seconds 60] [--seed S]`.
 *
 * Redis is frozen, killed, started again, told to hang up and to pause, and the way to it is cut or leads nowhere. After each
 * schedule every reader must have each event that was stored, once and in order, or a gap in its place; then a new one is drawn.
 */
import { parseArgs } from 'node:util'
import { createClient } from '@redis/client'
import { createSeededRandom, startRedis } from '@sse-toolkit/test-support'
import type { FaultProxy } from '@sse-toolkit/testing/node'
import type { SeededRandom, StartedRedis } from '@sse-toolkit/test-support'
import { delay, runCampaign } from './redis-campaign.ts'

interface Scene {
  readonly redis: StartedRedis
  readonly proxy: FaultProxy
  readonly random: SeededRandom
}

const faults: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  async freeze({ redis, random }) {
    process.kill(redis.pid, 'SIGSTOP')
    await delay(random.integer(20, 2000))
    process.kill(redis.pid, 'SIGCONT')
  },
  async kill({ redis, random }) {
    await redis.kill()
    await delay(random.integer(0, 500))
    await redis.start()
  },
  async 'hang up'({ redis, random }) {
    await tell(redis, ['CLIENT', 'KILL', 'TYPE', random.pick(['normal', 'pubsub'])])
  },
  async pause({ redis, random }) {
    const ms = random.integer(20, 1500)
    await tell(redis, ['CLIENT', 'PAUSE', String(ms), random.pick(['WRITE', 'ALL'])])
    await delay(ms)
  },
  async empty({ redis }) {
    await tell(redis, ['FLUSHALL'])
  },
  async cut({ proxy, random }) {
    proxy.cutAll(random.pick(['rst', 'fin']))
  },
  async refuse({ proxy, random }) {
    await proxy.refuse()
    proxy.cutAll('rst')
    await delay(random.integer(20, 1500))
    await proxy.accept()
  },
  async 'lead nowhere'({ proxy, random }) {
    proxy.faults.set({ [random.pick(['toClient', 'toServer'])]: { flow: 'black-hole' } }, 'open')
    await delay(random.integer(20, 1000))
  },
}

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '60' }, seed: { type: 'string' } },
})
const seconds = Number(values.seconds)
const firstSeed = values.seed === undefined ? Math.floor(Date.now() / 1000) % 2 ** 31 : Number(values.seed)
if (!Number.isSafeInteger(firstSeed) || !(seconds > 0))
  throw new RangeError('--seed and --seconds take numbers')

const endsAt = performance.now() + seconds * 1000
let seed = firstSeed
for (; performance.now() < endsAt; seed += 1) {
  const random = createSeededRandom(seed)
  const schedule = Array.from({ length: random.integer(1, 6) }, () => random.pick(Object.keys(faults)))
  process.stdout.write(`seed ${seed}: ${schedule.join(', ')}`)
  await using redis = await startRedis({ persistence: random.pick(['memory', 'append-only']) })
  const { publishers, gaps, recoveryMs } = await runCampaign({
    port: redis.port,
    fault: async ({ proxy }) => {
      for (const name of schedule) {
        await faults[name]?.({ redis, proxy, random })
        await delay(random.integer(0, 400))
      }
    },
  })
  const outcomes = Object.entries(publishers).map(([outcome, count]) => `${count} ${outcome}`)
  console.log(
    `; ${outcomes.join(', ')}; gaps ${gaps.map((each) => each.length).join(' ')}; well after ${recoveryMs} ms`,
  )
}
console.log(
  `${seed - firstSeed} schedules, seeds ${firstSeed} to ${seed - 1}: nothing lost or repeated without a gap`,
)

async function tell(redis: StartedRedis, command: readonly string[]): Promise<void> {
  const client = createClient({ socket: { port: redis.port } })
  client.on('error', () => undefined)
  await client.connect()
  await client.sendCommand([...command])
  client.destroy()
}
