import { createClient } from '@redis/client'
import { startFaultProxy } from '@sse-toolkit/testing/node'
import { findRedisServer, startRedis } from '@sse-toolkit/test-support'
import { describe, expect, it } from 'vitest'
import { delay, runCampaign, startSwitchboard } from './redis-campaign.ts'
import type { Findings } from './redis-campaign.ts'

// The faults of docs/how/faults.md. Times are shortened: a command has 3 s, or 1 s where that is to be exceeded, and a process
// looks every 100 ms whether it has missed anything. What each sees is checked in runCampaign: nothing lost, nothing twice, or a gap.

const server = findRedisServer()

function report(name: string, findings: Findings): void {
  if (process.env.SSE_TOOLKIT_REPORT !== undefined) console.log(`FAULT ${name}: ${JSON.stringify(findings)}`)
}

async function admin(port: number, ...commands: readonly (readonly string[])[]): Promise<unknown> {
  const client = createClient({ socket: { port } })
  client.on('error', () => undefined)
  await client.connect()
  let reply: unknown
  for (const command of commands) reply = await client.sendCommand([...command])
  client.destroy()
  return reply
}

const noGaps = [[], [], [], []]
const oneGap = (reason: string): string[][] => [1, 2, 3, 4].map(() => [reason])

describe.skipIf(server.skip)('a hub whose Redis', () => {
  it('works stores and delivers every event', async () => {
    await using redis = await startRedis()
    const findings = await runCampaign({ port: redis.port, fault: () => delay(100) })
    report('none', findings)
    expect(findings.gaps).toEqual(noGaps)
    expect(Object.keys(findings.publishers)).toEqual(['stored'])
  })

  it('is killed without persistence begins a new epoch, and every reader gets a gap', async () => {
    await using redis = await startRedis()
    const findings = await runCampaign({
      port: redis.port,
      fault: async () => {
        await redis.kill()
        await redis.start()
      },
    })
    report('killed without persistence', findings)
    expect(findings.gaps).toEqual(oneGap('epoch'))
  })

  it('is killed with an append-only file and failover: lossless loses nothing, and no reader gets a gap', async () => {
    await using redis = await startRedis({ persistence: 'append-only' })
    const findings = await runCampaign({
      port: redis.port,
      log: { failover: 'lossless' },
      fault: async () => {
        await redis.kill()
        await redis.start()
      },
    })
    report('killed with an append-only file, lossless', findings)
    expect(findings.gaps).toEqual(noGaps)
    expect(Object.keys(findings.publishers)).toEqual(['stored'])
  })

  it('is killed with an append-only file and failover: lossy may have lost events, so every reader gets a gap', async () => {
    await using redis = await startRedis({ persistence: 'append-only' })
    const findings = await runCampaign({
      port: redis.port,
      fault: async () => {
        await redis.kill()
        await redis.start()
      },
    })
    report('killed with an append-only file, lossy', findings)
    expect(findings.gaps).toEqual(oneGap('epoch'))
  })

  it('is emptied while it runs begins a new epoch, and every reader gets a gap', async () => {
    await using redis = await startRedis()
    const findings = await runCampaign({
      port: redis.port,
      fault: async () => {
        await admin(redis.port, ['FLUSHALL'])
      },
    })
    report('emptied while running', findings)
    expect(findings.gaps).toEqual(oneGap('epoch'))
    expect(Object.keys(findings.publishers)).toEqual(['stored'])
  })

  it('loses each key of the log in turn begins new epochs, and every reader gets gaps', async () => {
    await using redis = await startRedis()
    const keys = await keysOfCampaign(redis.port)
    expect(keys).toHaveLength(16)
    const findings = await runCampaign({
      port: redis.port,
      fault: async () => {
        for (const key of keys) {
          await admin(redis.port, ['DEL', key])
          await delay(100)
        }
      },
    })
    report('each key deleted', findings)
    // Sixteen epochs. A process that is slow may learn of two of them at once, and its readers get one gap for both.
    for (const gaps of findings.gaps) {
      expect(new Set(gaps)).toEqual(new Set(['epoch']))
      expect(gaps.length).toBeLessThanOrEqual(keys.length)
    }
    expect(Object.keys(findings.publishers)).toEqual(['stored'])
  })

  it('evicts keys because a limit was set refuses publishers until that changes, and readers get gaps', async () => {
    await using redis = await startRedis()
    const findings = await runCampaign({
      port: redis.port,
      fault: async () => {
        await admin(
          redis.port,
          ['CONFIG', 'SET', 'maxmemory-policy', 'allkeys-random'],
          ['CONFIG', 'SET', 'maxmemory', '1mb'],
        )
        await delay(1000)
        await admin(redis.port, ['CONFIG', 'SET', 'maxmemory', '0'])
      },
    })
    report('evicts keys at will', findings)
    expect(findings.publishers['evicting-redis']).toBeGreaterThan(50)
    for (const gaps of findings.gaps) expect(new Set(gaps)).toEqual(new Set(['epoch']))
  })

  it('is cut off for less than commandTimeoutMs makes publishers wait, and readers miss nothing', async () => {
    await using redis = await startRedis()
    const findings = await runCampaign({
      port: redis.port,
      fault: async ({ proxy }) => {
        await proxy.refuse()
        proxy.cutAll('rst')
        await delay(500)
        await proxy.accept()
      },
    })
    report('cut off for 0.5 s', findings)
    expect(findings.gaps).toEqual(noGaps)
    expect(Object.keys(findings.publishers)).toEqual(['stored'])
  })

  it('is cut off for longer rejects publishers, and connected readers get every stored event', async () => {
    await using redis = await startRedis()
    const findings = await runCampaign({
      port: redis.port,
      log: { commandTimeoutMs: 1000 },
      fault: async ({ proxy }) => {
        await proxy.refuse()
        proxy.cutAll('rst')
        await delay(3000)
        await proxy.accept()
      },
    })
    report('cut off for 3 s', findings)
    expect(findings.gaps).toEqual(noGaps)
    expect(findings.publishers['log-unavailable']).toBeGreaterThan(100)
    expect(findings.slowestPublishMs).toBeLessThan(1500)
  })

  it("is unreachable for one hub of two catches up: its readers get the other hub's events", async () => {
    await using redis = await startRedis()
    const findings = await runCampaign({
      port: redis.port,
      log: { commandTimeoutMs: 1000 },
      fault: async ({ proxy }) => {
        // The connections of the first hub are the first two.
        for (const connection of proxy.openConnections().slice(0, 2)) {
          connection.setFaults({ flow: 'black-hole' })
        }
        await delay(1000)
      },
    })
    report('one hub cut off, without a word', findings)
    expect(findings.gaps).toEqual(noGaps)
  })

  it('receives commands while its answers are lost stores each event once', async () => {
    await using redis = await startRedis()
    const findings = await runCampaign({
      port: redis.port,
      log: { commandTimeoutMs: 1000 },
      fault: async ({ proxy }) => {
        proxy.faults.set({ toClient: { flow: 'black-hole' } }, 'open')
        await delay(1000)
      },
    })
    report('half open', findings)
    expect(findings.gaps).toEqual(noGaps)
  })

  it('loses answers and then connections gets each append again, and stores it once', async () => {
    await using redis = await startRedis()
    const findings = await runCampaign({
      port: redis.port,
      fault: async ({ proxy }) => {
        for (let n = 0; n < 5; n += 1) {
          proxy.faults.set({ toClient: { flow: 'black-hole' } }, 'open')
          await delay(100)
          proxy.cutAll('rst')
          await delay(100)
        }
      },
    })
    report('answers lost, then the connection', findings)
    expect(findings.gaps).toEqual(noGaps)
    expect(Object.keys(findings.publishers)).toEqual(['stored'])
  })

  it('is slow makes publishers wait, and nothing is lost', async () => {
    await using redis = await startRedis()
    const findings = await runCampaign({
      port: redis.port,
      fault: async ({ proxy }) => {
        proxy.faults.set({ latencyMs: 100 })
        await delay(1000)
        proxy.faults.clear()
      },
    })
    report('slow: 100 ms each way', findings)
    expect(findings.gaps).toEqual(noGaps)
    expect(Object.keys(findings.publishers)).toEqual(['stored'])
  })

  it('is silent for longer than commandTimeoutMs rejects publishers', async () => {
    await using redis = await startRedis({ args: ['--enable-debug-command', 'yes'] })
    const findings = await runCampaign({
      port: redis.port,
      log: { commandTimeoutMs: 1000 },
      fault: async () => {
        await admin(redis.port, ['DEBUG', 'SLEEP', '2'])
      },
    })
    report('blocked for 2 s', findings)
    expect(findings.gaps).toEqual(noGaps)
    expect(findings.slowestPublishMs).toBeLessThan(2500)
  })

  it('fails over to a replica that lacks the last writes begins a new epoch', async () => {
    await using master = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] })
    await using line = await startFaultProxy({ target: { port: master.port } })
    await using replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(line.port)] })
    await untilInSync(replica.port)
    await using switchboard = await startSwitchboard(master.port)
    const findings = await runCampaign({
      port: switchboard.port,
      fault: async ({ nodes }) => {
        line.faults.set({ toClient: { flow: 'paused' } })
        await delay(200)
        const before = await nodes[0]?.log.head()
        await master.kill()
        await admin(replica.port, ['REPLICAOF', 'NO', 'ONE'])
        switchboard.leadTo(replica.port)
        const after = await nodes[0]?.log.head()
        // It is behind what was given out, and yet nothing comes twice.
        expect(after?.seq).toBeLessThan(before?.seq ?? 0)
        expect(after?.epoch).not.toBe(before?.epoch)
      },
    })
    report('failover to a replica that lags', findings)
    expect(findings.gaps).toEqual(oneGap('epoch'))
  })

  it('becomes a replica reconnects to the current address', async () => {
    await using master = await startRedis({ args: ['--repl-diskless-sync-delay', '0'] })
    await using replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] })
    await untilInSync(replica.port)
    await using switchboard = await startSwitchboard(master.port)
    const findings = await runCampaign({
      port: switchboard.port,
      fault: async () => {
        await admin(replica.port, ['REPLICAOF', 'NO', 'ONE'])
        await admin(master.port, ['REPLICAOF', '127.0.0.1', String(replica.port)])
        // New connections lead to the new master; those that are open stay at the old one.
        switchboard.leadTo(replica.port, 'new')
      },
    })
    report('master demoted', findings)
    expect(findings.gaps).toEqual(oneGap('epoch'))
  })

  it('is at maxmemory rejects publishers, and goes on when there is room', async () => {
    await using redis = await startRedis()
    const findings = await runCampaign({
      port: redis.port,
      fault: async () => {
        await admin(redis.port, ['CONFIG', 'SET', 'maxmemory', '1mb'])
        await delay(500)
        await admin(redis.port, ['CONFIG', 'SET', 'maxmemory', '0'])
      },
    })
    report('at maxmemory', findings)
    expect(findings.gaps).toEqual(noGaps)
    expect(Object.keys(findings.publishers).toSorted()).toEqual(['log-full', 'stored'])
  })

  it('loses its scripts sends them again, without an error', async () => {
    await using redis = await startRedis()
    const findings = await runCampaign({
      port: redis.port,
      fault: async () => {
        for (let n = 0; n < 20; n += 1) await admin(redis.port, ['SCRIPT', 'FLUSH'])
      },
    })
    report('scripts flushed', findings)
    expect(findings.gaps).toEqual(noGaps)
    expect(Object.keys(findings.publishers)).toEqual(['stored'])
  })

  it('kills subscriptions reads the events they missed', async () => {
    await using redis = await startRedis()
    const findings = await runCampaign({
      port: redis.port,
      fault: async () => {
        for (let n = 0; n < 5; n += 1) {
          await admin(redis.port, ['CLIENT', 'KILL', 'TYPE', 'pubsub'])
          await delay(50)
        }
      },
    })
    report('subscribers killed', findings)
    expect(findings.gaps).toEqual(noGaps)
    expect(Object.keys(findings.publishers)).toEqual(['stored'])
  })

  it('is unreachable for longer than the log holds sends an evicted gap to the readers affected', async () => {
    await using redis = await startRedis()
    const findings = await runCampaign({
      port: redis.port,
      log: { maxEvents: 50, commandTimeoutMs: 1000 },
      fault: async ({ proxy, nodes }) => {
        for (const connection of proxy.openConnections().slice(0, 2)) {
          connection.setFaults({ flow: 'black-hole' })
        }
        const [, other] = nodes
        for (let n = 0; n < 200; n += 1) await other?.hub.publish('numbers', { event: 'filler', data: n })
        await delay(500)
      },
    })
    report('away for longer than the log holds', findings)
    // Those at the hub that was cut off; the others missed nothing.
    expect(findings.gaps).toEqual([['evicted'], ['evicted'], [], []])
  })

  it('takes two publishers at full speed delivers every event in one order to all', async () => {
    await using redis = await startRedis()
    const findings = await runCampaign({
      port: redis.port,
      everyMs: 0,
      fault: async ({ nodes }) => {
        await Promise.all(
          nodes.map(async ({ hub }) => {
            for (let n = 0; n < 50; n += 1) {
              const events = Array.from({ length: 100 }, (_, index) => ({ event: 'filler', data: index }))
              await Promise.all(events.map((event) => hub.publish('numbers', event)))
            }
          }),
        )
      },
    })
    report('two publishers at full speed', findings)
    expect(findings.gaps).toEqual(noGaps)
    expect(Object.keys(findings.publishers)).toEqual(['stored'])
  })

  async function keysOfCampaign(port: number): Promise<readonly string[]> {
    await runCampaign({ port, fault: () => delay(0) })
    return ((await admin(port, ['KEYS', '{campaign}:*'])) as string[]).toSorted()
  }

  async function untilInSync(port: number): Promise<void> {
    for (let n = 0; n < 500; n += 1) {
      const info = String(await admin(port, ['INFO', 'replication']))
      if (info.includes('master_link_status:up')) return
      await delay(10)
    }
    throw new Error('the replica does not follow its master')
  }
})
