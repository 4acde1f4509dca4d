import { fstatSync, readFileSync, statSync } from 'node:fs'
import type { Stats } from 'node:fs'
import { uptime } from 'node:os'
import type { Runtime } from '@sse-toolkit/sse-server'

const linuxBootId = '/proc/sys/kernel/random/boot_id'

// Of systems without the file above: how far apart two computed times of one boot may lie.
const bootToleranceMs = 60_000

const computed = 'since '

/** Tells one boot of the machine from another. */
export function currentBoot(runtime: Pick<Runtime, 'wallClock'>): string {
  try {
    return readFileSync(linuxBootId, 'utf8').trim()
  } catch {
    // Not Linux. What is computed moves with the wall clock, see isSameBoot.
    return `${computed}${Math.round(runtime.wallClock() - uptime() * 1000)}`
  }
}

export function isSameBoot(one: string, other: string): boolean {
  if (!one.startsWith(computed) || !other.startsWith(computed)) return one === other
  const [first, second] = [one, other].map((boot) => Number(boot.slice(computed.length)))
  return Math.abs(Number(first) - Number(second)) <= bootToleranceMs
}

/** Identifies the file at this path: a copy or a newly created file gets another identity. Empty if there is no file. */
export function fileAt(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats === undefined ? '' : identityOf(stats)
}

/** Identifies an open file, whatever its path leads to by now. */
export function fileOf(descriptor: number): string {
  return identityOf(fstatSync(descriptor))
}

/** The same over restarts of the machine, where the numbers of devices may change. */
export function lastingIdentity(file: string): string {
  return file.slice(file.indexOf(':') + 1)
}

function identityOf({ dev, ino }: Pick<Stats, 'dev' | 'ino'>): string {
  return `${dev}:${ino}`
}
