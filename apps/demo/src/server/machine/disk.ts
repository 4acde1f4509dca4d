import type { DiskSample } from '../../samples.ts'
import { createRateReader } from './reading.ts'
import type { Reading, ReadText } from './reading.ts'

/** `/proc/diskstats` counts in these, whatever the device's own sectors are. */
const SECTOR_BYTES = 512
/** Those in memory, and those that lie over other devices, whose bytes would count twice. */
const NOT_PHYSICAL = /^(?:loop|ram|zram|dm-|md|sr|fd)/

export function createDiskReader(options: {
  readText: ReadText
  /** The whole devices, without their partitions: the names in `/sys/block`. */
  listDevices: () => readonly string[]
  now: () => number
}): () => Reading<DiskSample> {
  return createRateReader({
    read: () => parseDiskStats(options.readText('/proc/diskstats'), options.listDevices()),
    now: options.now,
    unavailable: 'The disk counters are read from /proc/diskstats, which this platform does not have.',
  })
}

/** Adds up the bytes of the physical devices: the sixth column is sectors read, the tenth sectors written. */
export function parseDiskStats(text: string, devices: readonly string[]): { read: number; written: number } {
  const physical = new Set(devices.filter((name) => !NOT_PHYSICAL.test(name)))
  const totals = { read: 0, written: 0 }
  let found = 0
  for (const line of text.split('\n')) {
    const columns = line.trim().split(/\s+/)
    if (!physical.has(columns[2] ?? '')) continue
    const [sectorsRead, sectorsWritten] = [Number(columns[5]), Number(columns[9])]
    if (!Number.isFinite(sectorsRead) || !Number.isFinite(sectorsWritten))
      throw new Error(`cannot read the line of ${columns[2]}`)
    found += 1
    totals.read += sectorsRead * SECTOR_BYTES
    totals.written += sectorsWritten * SECTOR_BYTES
  }
  if (found === 0) throw new Error('it lists no physical device')
  return totals
}
