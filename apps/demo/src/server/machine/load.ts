import { availableParallelism, loadavg } from 'node:os'
import type { LoadSample } from '../../samples.ts'
import type { Reading } from './reading.ts'

export function readLoad(platform: NodeJS.Platform = process.platform): Reading<LoadSample> {
  // There, `loadavg` answers three zeros.
  if (platform === 'win32') return { unavailable: 'Windows keeps no load averages.' }
  const [one = 0, five = 0, fifteen = 0] = loadavg()
  return { averages: [one, five, fifteen], cores: availableParallelism() }
}
