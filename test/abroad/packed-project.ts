import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startProcess } from '@sse-toolkit/test-support'
import { expect } from 'vitest'

// A project of a user's: what we publish, packed as it is published, and installed with npm into an empty folder.

export const root = fileURLToPath(new URL('../../', import.meta.url))

export interface PackedProject extends AsyncDisposable {
  readonly folder: string
}

/**
 * @param packages - folders below packages/.
 * @param dependencies - others, as npm takes them, such as `next@16.4.6`.
 */
export async function createPackedProject(
  packages: readonly string[],
  dependencies: readonly string[],
): Promise<PackedProject> {
  const folder = await mkdtemp(join(tmpdir(), 'sse-toolkit-packed-'))
  const tarballs = await packPackages(packages, folder)
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }))
  const quietly = ['--no-audit', '--no-fund', '--loglevel=error']
  await run('npm', ['install', ...quietly, ...dependencies, ...tarballs], folder)
  return {
    folder,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true, maxRetries: 5 }),
  }
}

/** Runs a program that must end well. @returns what it wrote to standard output. */
export async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<string> {
  const env = { NODE_OPTIONS: undefined, ...variables }
  await using child = await startProcess({ command, args, cwd, env })
  const { code } = await child.exited
  expect({ command, args, code, stderr: code === 0 ? '' : child.stderr + child.stdout }).toEqual({
    command,
    args,
    code: 0,
    stderr: '',
  })
  return child.stdout
}

/**
 * Packs packages as they are published.
 *
 * @param packages - folders below packages/; all published packages if empty.
 * @returns the tarballs.
 */
export async function packPackages(packages: readonly string[], destination: string): Promise<string[]> {
  const script = join(root, 'scripts/pack.ts')
  return (await run(process.execPath, [script, '--to', destination, ...packages], root)).trim().split('\n')
}
