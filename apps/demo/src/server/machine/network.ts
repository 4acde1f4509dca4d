import type { NetworkSample } from '../../samples.ts'
import { createRateReader } from './reading.ts'
import type { Reading, ReadText } from './reading.ts'

export function createNetworkReader(options: {
  readText: ReadText
  now: () => number
}): () => Reading<NetworkSample> {
  return createRateReader({
    read: () => parseNetDev(options.readText('/proc/net/dev')),
    now: options.now,
    unavailable: 'The network counters are read from /proc/net/dev, which this platform does not have.',
  })
}

/**
 * Adds up the interfaces of `/proc/net/dev`:
 *
 *     face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets ...
 *       lo: 1000       10 ...                                          1000       10
 *     eth0: 2000       20 ...                                           500        5
 */
export function parseNetDev(text: string): { received: number; sent: number; loopback: number } {
  const totals = { received: 0, sent: 0, loopback: 0 }
  let interfaces = 0
  for (const line of text.split('\n')) {
    const [, name, counters] = /^\s*([^\s:|]+):\s*(.+)$/.exec(line) ?? []
    if (name === undefined || counters === undefined) continue
    const columns = counters.trim().split(/\s+/).map(Number)
    const [received = Number.NaN, sent = Number.NaN] = [columns[0], columns[8]]
    if (!Number.isFinite(received) || !Number.isFinite(sent))
      throw new Error(`cannot read the line of ${name}`)
    interfaces += 1
    if (name === 'lo') totals.loopback += received
    else {
      totals.received += received
      totals.sent += sent
    }
  }
  if (interfaces === 0) throw new Error('it lists no interface')
  return totals
}
