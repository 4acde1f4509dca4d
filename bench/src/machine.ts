import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { canPin } from './worker/worker.ts'

/** Where the figures come from: without it they mean nothing. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  /** Of the last minute, before the run: what else the machine was doing. */
  readonly loadBefore: number
  readonly pinned: boolean
  /** Of this repository; `+` where files differ from it. */
  readonly commit: string | undefined
  /** Of the packages of the peers. */
  readonly versions: Readonly<Record<string, string>>
  readonly date: string
}

export async function describeMachine(): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
    loadBefore: loadavg()[0] ?? 0,
    pinned: canPin,
    commit: describeCommit(),
    versions: await pinnedVersions(),
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
  }
}

function describeCommit(): string | undefined {
  const { status, stdout } = spawnSync('git', ['describe', '--always', '--exclude=*', '--dirty=+'], {
    encoding: 'utf8',
    cwd: import.meta.dirname,
  })
  return status === 0 ? stdout.trim() : undefined
}

/** The manifest's, which are exact. */
async function pinnedVersions(): Promise<Record<string, string>> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8')
  const { dependencies } = JSON.parse(text) as { dependencies: Record<string, string> }
  return dependencies
}
