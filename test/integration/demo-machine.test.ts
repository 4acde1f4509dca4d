import { cpus } from 'node:os'
import { readdirSync, readFileSync } from 'node:fs'
import { createVirtualClock } from '@sse-toolkit/testing'
import { describe, expect, it } from 'vitest'
import { createCpuReader } from '../../apps/demo/src/server/machine/cpu.ts'
import { createDiskReader, parseDiskStats } from '../../apps/demo/src/server/machine/disk.ts'
import { readLoad } from '../../apps/demo/src/server/machine/load.ts'
import { createNetworkReader, parseNetDev } from '../../apps/demo/src/server/machine/network.ts'
import { hostIsLoopback, isLoopbackAddress } from '../../apps/demo/src/server/guard.ts'
import { every } from '../../apps/demo/src/server/every.ts'

const NET_DEV = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:    1000      10    0    0    0     0          0         0     1000      10    0    0    0     0       0          0
  eth0:    2000      20    0    0    0     0          0         0      500       5    0    0    0     0       0          0
 wlan0:123456789     20    0    0    0     0          0         0        1       5    0    0    0     0       0          0
`

const DISK_STATS = `   7       0 loop0 9 0 999 0 0 0 999 0 0 0 0 0 0 0 0 0 0
 259       0 nvme0n1 10 0 200 0 20 0 400 0 0 0 0 0 0 0 0 0 0
 259       1 nvme0n1p1 10 0 200 0 20 0 400 0 0 0 0 0 0 0 0 0 0
 254       0 dm-0 10 0 200 0 20 0 400 0 0 0 0 0 0 0 0 0 0
   8       0 sda 1 0 2 0 1 0 4 0 0 0 0 0 0 0 0 0 0
`

function missingFile(path: string): string {
  throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: 'ENOENT' })
}

function core(user: number, idle: number): ReturnType<typeof cpus>[number] {
  return { model: 'test', speed: 1, times: { user, nice: 0, sys: 0, idle, irq: 0 } }
}

describe('the figures of the processor', () => {
  it('are the busy share of each core since the last sample', () => {
    const looks = [
      [core(0, 0), core(100, 100)],
      [core(25, 75), core(100, 200)],
      [core(25, 75), core(200, 200)],
    ]
    const read = createCpuReader(() => looks.shift() ?? [])
    expect(read()).toBeUndefined()
    expect(read()).toEqual({ busy: [0.25, 0] })
    expect(read()).toEqual({ busy: [0, 1] })
  })

  it('skip a sample when a core appeared or disappeared', () => {
    const looks = [[core(0, 0)], [core(1, 1), core(1, 1)], [core(2, 1), core(1, 2)]]
    const read = createCpuReader(() => looks.shift() ?? [])
    expect([read(), read(), read()]).toEqual([undefined, undefined, { busy: [1, 0] }])
  })

  it('are reported as unavailable if the system lists no core', () => {
    expect(createCpuReader(() => [])()).toMatchObject({
      unavailable: expect.stringContaining('cores') as string,
    })
  })

  it('are those of this machine', () => {
    const read = createCpuReader(cpus)
    read()
    const until = performance.now() + 60
    let turns = 0
    while (performance.now() < until) turns += 1
    const reading = read()
    expect(turns).toBeGreaterThan(0)
    expect(reading !== undefined && 'busy' in reading && Math.max(...reading.busy)).toBeGreaterThan(0)
  })
})

describe('the figures of the network', () => {
  it('add up all interfaces but loopback', () => {
    expect(parseNetDev(NET_DEV)).toEqual({ received: 123_458_789, sent: 501, loopback: 1000 })
  })

  it('are bytes per second between two samples, and omitted after a counter was reset', () => {
    let nowMs = 0
    let received = 2_000
    const readText = (): string => NET_DEV.replace('2000', String(received))
    const read = createNetworkReader({ readText, now: () => nowMs })
    expect(read()).toBeUndefined()
    nowMs = 500
    received = 3_000
    expect(read()).toEqual({ received: 2_000, sent: 0, loopback: 0 })
    nowMs = 1_000
    received = 10
    expect(read()).toBeUndefined()
  })

  it('are reported as unavailable if /proc is missing', () => {
    expect(createNetworkReader({ readText: missingFile, now: () => 0 })()).toEqual({
      unavailable: expect.stringMatching(
        /\/proc\/net\/dev, which this platform does not have.*ENOENT/,
      ) as string,
    })
  })

  it.each(['', 'Inter-| nothing', 'eth0: many bytes'])(
    'are not guessed from unreadable content: %j',
    (text) => {
      expect(() => parseNetDev(text)).toThrow(/it lists no interface|cannot read the line of eth0/)
    },
  )
})

describe('the figures of the disks', () => {
  it('add up whole physical devices, each byte once', () => {
    expect(parseDiskStats(DISK_STATS, ['loop0', 'nvme0n1', 'dm-0', 'sda'])).toEqual({
      read: 202 * 512,
      written: 404 * 512,
    })
  })

  it('are reported as unavailable if there is no physical device', () => {
    const read = createDiskReader({ readText: () => DISK_STATS, listDevices: () => ['loop0'], now: () => 0 })
    expect(read()).toEqual({ unavailable: expect.stringContaining('it lists no physical device') as string })
  })
})

it.skipIf(process.platform !== 'linux')('Linux has all figures', () => {
  const readText = (path: string): string => readFileSync(path, 'utf8')
  expect(parseNetDev(readText('/proc/net/dev')).loopback).toBeGreaterThanOrEqual(0)
  const devices = readdirSync('/sys/block')
  expect(devices.length === 0 || parseDiskStats(readText('/proc/diskstats'), devices).read >= 0).toBe(true)
  expect(readLoad()).toMatchObject({ cores: expect.any(Number) as number })
})

it('load averages are reported as unavailable on Windows', () => {
  expect(readLoad('win32')).toMatchObject({ unavailable: expect.stringContaining('Windows') as string })
})

describe('who may inject faults', () => {
  it.each(['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1', '::FFFF:127.0.0.1'])(
    '%s is this machine',
    (address) => {
      expect(isLoopbackAddress(address)).toBe(true)
    },
  )

  it.each([undefined, '', '10.0.0.1', '128.0.0.1', '::', 'fe80::1', '127.0.0.1.example'])(
    '%s is not',
    (address) => {
      expect(isLoopbackAddress(address)).toBe(false)
    },
  )

  it.each(['localhost', 'LOCALHOST:8080', '127.0.0.1:1', '[::1]', '[::1]:8080'])('the host %s is', (host) => {
    expect(hostIsLoopback(host)).toBe(true)
  })

  it.each([null, '', 'localhost.example', 'attacker.example:8080', '127.0.0.1.nip.io', 'a@localhost'])(
    'the host %s is not',
    (host) => {
      expect(hostIsLoopback(host)).toBe(false)
    },
  )
})

describe('a steady rate', () => {
  it('does not drift when calls are late, and does not catch up in a burst', async () => {
    const clock = createVirtualClock()
    let lagMs = 0
    const at: number[] = []
    const stop = every(100, () => at.push(clock.now() + lagMs), {
      now: () => clock.now() + lagMs,
      wallClock: () => 0,
      setTimeout: clock.setTimeout,
      clearTimeout: clock.clearTimeout,
    })
    await clock.advance(200)
    lagMs = 30
    await clock.advance(100)
    lagMs = 1_000
    await clock.advance(300)
    stop()
    expect(at).toEqual([100, 200, 330, 1_370, 1_470, 1_570])
    expect(clock.pendingTimers).toBe(0)
  })
})
