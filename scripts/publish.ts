/**
 * Publishes packed tarballs with npm: each package after those that it depends on. It skips the versions that the registry
 * has, so after a failure you run it again, and it goes on where it stopped.
 *
 *     node scripts/publish.ts --tarballs FOLDER     publishes what is missing
 *       --plan           publishes nothing: prints which versions are missing
 *       --provenance     has npm attest from which commit and workflow the tarball is; only in CI with an OIDC token
 *       --registry URL   instead of the one that npm is configured for
 *
 * In a GitHub workflow, the output `missing` or `published` is a JSON list of `{ name, version }`.
 */
import { appendFile, readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { runToSuccess } from './run.ts'

interface Tarball {
  readonly path: string
  readonly name: string
  readonly version: string
  /** Names of packages that have to be on the registry first. */
  readonly needs: readonly string[]
}

const { values } = parseArgs({
  options: {
    tarballs: { type: 'string' },
    plan: { type: 'boolean', default: false },
    provenance: { type: 'boolean', default: false },
    registry: { type: 'string' },
  },
})
if (values.tarballs === undefined) throw new Error('--tarballs FOLDER: expected the folder of the tarballs.')
const folder = resolve(values.tarballs)

/** Reads what the registry will read: the manifest inside the tarball. */
async function readTarball(path: string): Promise<Tarball> {
  const text = await runToSuccess('tar', ['-xzOf', path, 'package/package.json'], folder)
  const manifest = JSON.parse(text) as {
    readonly name: string
    readonly version: string
    readonly dependencies?: Readonly<Record<string, string>>
    readonly peerDependencies?: Readonly<Record<string, string>>
    readonly exports?: unknown
  }
  const { name, version, dependencies, peerDependencies } = manifest
  const ranges = { ...dependencies, ...peerDependencies }
  // What `npm pack` would have left in.
  if (JSON.stringify(ranges).includes('workspace:') || JSON.stringify(manifest.exports).includes('.ts"'))
    throw new Error(`${path} was not packed by pnpm: it names the workspace or its sources.`)
  return { path, name, version, needs: Object.keys(ranges) }
}

/** Orders the tarballs so that each comes after those that it needs. */
function inOrderOfNeed(tarballs: readonly Tarball[]): Tarball[] {
  const ordered: Tarball[] = []
  const visit = (tarball: Tarball, dependents: readonly string[]): void => {
    if (ordered.includes(tarball)) return
    if (dependents.includes(tarball.name))
      throw new Error(`These packages depend on each other: ${[...dependents, tarball.name].join(' -> ')}.`)
    for (const needed of tarballs)
      if (tarball.needs.includes(needed.name)) visit(needed, [...dependents, tarball.name])
    ordered.push(tarball)
  }
  for (const tarball of tarballs) visit(tarball, [])
  return ordered
}

const registry = values.registry ?? (await runToSuccess('npm', ['config', 'get', 'registry'], folder)).trim()

/** Only a registry that answers 404 lacks the version. One that cannot be reached, or refuses, is an error. */
async function isOnRegistry({ name, version }: Tarball): Promise<boolean> {
  const url = `${registry.replace(/\/$/, '')}/${name.replace('/', '%2f')}/${version}`
  const response = await fetch(url, { headers: { 'cache-control': 'no-cache' } }).catch((cause: unknown) => {
    throw new Error(`${url}: the registry does not answer.`, { cause })
  })
  await response.body?.cancel()
  if (response.status !== 200 && response.status !== 404)
    throw new Error(`${url}: expected 200 or 404, got ${response.status}.`)
  return response.ok
}

async function output(key: string, packages: readonly Tarball[]): Promise<void> {
  const list = packages.map(({ name, version }) => ({ name, version }))
  const file = process.env['GITHUB_OUTPUT']
  if (file !== undefined) await appendFile(file, `${key}=${JSON.stringify(list)}\n`)
}

const files = (await readdir(folder)).filter((file) => file.endsWith('.tgz')).toSorted()
if (files.length === 0)
  throw new Error(`${folder} has no tarballs. node scripts/pack.ts --to ${folder} makes them.`)
const tarballs = inOrderOfNeed(await Promise.all(files.map((file) => readTarball(join(folder, file)))))

const missing: Tarball[] = []
const published: Tarball[] = []
try {
  for (const tarball of tarballs) {
    const label = `${tarball.name}@${tarball.version}`
    if (await isOnRegistry(tarball)) {
      console.log(`there       ${label}`)
      continue
    }
    missing.push(tarball)
    if (values.plan) {
      console.log(`missing     ${label}`)
      continue
    }
    const options = [
      '--access=public',
      `--registry=${registry}`,
      ...(values.provenance ? ['--provenance'] : []),
    ]
    await runToSuccess('npm', ['publish', tarball.path, ...options], folder)
    published.push(tarball)
    console.log(`published   ${label}`)
  }
} catch (error) {
  console.error(error)
  process.exitCode = 1
} finally {
  // Also of a publish that stopped halfway: what is on the registry is released.
  await (values.plan ? output('missing', missing) : output('published', published))
}
