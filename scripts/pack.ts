/**
 * Builds packages from nothing and packs them as they are published. It prints the path of each tarball.
 *
 *     node scripts/pack.ts --to FOLDER [PACKAGE...]     all packages, or those in packages/PACKAGE
 *
 * pnpm packs: it replaces `workspace:` by versions and applies `publishConfig.exports`, which npm does not.
 */
import { mkdir, readFile, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { publishedPackages, root } from './published-packages.ts'
import { runToSuccess } from './run.ts'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { to: { type: 'string' } } })
if (values.to === undefined) throw new Error('--to FOLDER: expected a folder for the tarballs.')
const destination = resolve(values.to)

const published = await publishedPackages()
for (const name of positionals)
  if (published.every((each) => each.name !== name)) throw new Error(`${name} is not a published package.`)
const chosen = published.filter(({ name }) => positionals.length === 0 || positionals.includes(name))

const { packageManager } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
  readonly packageManager: string
}
const pnpm = (...args: string[]): Promise<string> =>
  runToSuccess('npx', ['--yes', packageManager, ...args], root)
const filters = chosen.map(({ manifest }) => `--filter=${manifest.name}`)

// The compiler leaves the output of sources that are gone, and a tarball would ship it.
for (const { folder } of chosen) await rm(join(folder, 'dist'), { recursive: true, force: true })
await pnpm('exec', 'turbo', 'run', 'build', '--output-logs=errors-only', ...filters)
await mkdir(destination, { recursive: true })
await pnpm('--recursive', ...filters, 'pack', '--pack-destination', destination)
for (const { name, manifest } of chosen)
  console.log(join(destination, `sse-toolkit-${name}-${manifest.version}.tgz`))
