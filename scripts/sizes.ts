/**
 * The size of each package, and its limits in etc/sizes.json:
 *
 *     tarball    what is downloaded, in bytes and in files
 *     install    the dependencies that come along, and theirs, on disk; peers are not among them
 *     browser    an entry point with all that it imports, minified and gzipped, as a bundler for browsers makes it
 *     node       the same for an entry point that imports modules of Node, without those
 *
 *     node scripts/sizes.ts            prints the table; fails where a limit is exceeded, or is far too high
 *     node scripts/sizes.ts --update   sets each limit to what is measured, and 5 % of room
 */
import { realpathSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild-wasm'
import type { Message, Platform } from 'esbuild-wasm'
import { publishedPackages, root } from './published-packages.ts'
import type { EntryPoint, PublishedPackage } from './published-packages.ts'
import { runToSuccess } from './run.ts'

interface Row {
  /** Such as `browser @sse-toolkit/sse-server`. */
  readonly name: string
  readonly size: number
  readonly unit: 'B' | 'files'
}

const limitsFile = join(root, 'etc/sizes.json')
const update = process.argv.includes('--update')
/** A limit further away than this guards nothing. */
const farthestLimit = 1.2

async function rowsOfTarball({ manifest, name }: PublishedPackage, folder: string): Promise<Row[]> {
  const path = join(folder, `sse-toolkit-${name}-${manifest.version}.tgz`)
  const files = (await runToSuccess('tar', ['-tzf', path], folder)).trim().split('\n')
  return [
    { name: `tarball ${manifest.name}`, size: (await stat(path)).size, unit: 'B' },
    { name: `tarball ${manifest.name}, files`, size: files.length, unit: 'files' },
  ]
}

/** Adds the folders of a package's dependencies, and of theirs. The package lies in `node_modules`, next to its dependencies. */
async function addDependencies(folder: string, modules: string, found: Set<string>): Promise<void> {
  const { dependencies = {} } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
    readonly dependencies?: Readonly<Record<string, string>>
  }
  for (const name of Object.keys(dependencies)) {
    const dependency = realpathSync(join(modules, name))
    if (found.has(dependency)) continue
    found.add(dependency)
    const isOurs = dependency.startsWith(join(root, 'packages'))
    const up = name.startsWith('@') ? '../..' : '..'
    await addDependencies(dependency, isOurs ? join(dependency, 'node_modules') : join(dependency, up), found)
  }
}

async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter(
    (entry) => entry.isFile() && !entry.parentPath.slice(folder.length).includes('node_modules'),
  )
  const sizes = await Promise.all(
    files.map(async (file) => (await stat(join(file.parentPath, file.name))).size),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

async function rowOfInstall({ folder, manifest }: PublishedPackage): Promise<Row> {
  const found = new Set<string>()
  await addDependencies(folder, join(folder, 'node_modules'), found)
  // Ours have rows of their own, and are no folders of node_modules but of this repository.
  const others = [...found].filter((dependency) => dirname(dependency) !== join(root, 'packages'))
  const sizes = await Promise.all(others.map(bytesBelow))
  return { name: `install ${manifest.name}`, size: sizes.reduce((sum, size) => sum + size, 0), unit: 'B' }
}

async function bundle(file: string, peers: readonly string[], platform: Platform): Promise<number> {
  const { outputFiles } = await build({
    entryPoints: [file],
    bundle: true,
    splitting: true,
    write: false,
    outdir: 'out',
    platform,
    format: 'esm',
    target: 'es2022',
    minify: true,
    external: peers.flatMap((peer) => [peer, `${peer}/*`]),
    logLevel: 'silent',
  })
  return outputFiles.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0)
}

const isNodeModule = ({ text }: Message): boolean => /^Could not resolve "(?:node:)?[\w/]+"$/.test(text)

/** If a browser's entry point comes to import Node, its row gets another name, and the limits no longer fit. */
async function rowOfEntryPoint(
  { file, specifier }: EntryPoint,
  { manifest }: PublishedPackage,
): Promise<Row> {
  const peers = Object.keys(manifest.peerDependencies ?? {})
  try {
    return { name: `browser ${specifier}`, size: await bundle(file, peers, 'browser'), unit: 'B' }
  } catch (error) {
    const { errors = [] } = error as { readonly errors?: readonly Message[] }
    if (errors.length === 0 || !errors.every(isNodeModule)) throw error
    return { name: `node ${specifier}`, size: await bundle(file, peers, 'node'), unit: 'B' }
  }
}

const show = ({ size, unit }: Pick<Row, 'size' | 'unit'>): string =>
  unit === 'B' ? `${(size / 1000).toFixed(1)} kB` : `${size} files`

const tarballs = await mkdtemp(join(tmpdir(), 'sse-toolkit-sizes-'))
await runToSuccess(process.execPath, [join(import.meta.dirname, 'pack.ts'), '--to', tarballs], root)
const rows: Row[] = []
for (const each of await publishedPackages()) {
  rows.push(...(await rowsOfTarball(each, tarballs)), await rowOfInstall(each))
  for (const entryPoint of each.entryPoints) rows.push(await rowOfEntryPoint(entryPoint, each))
}
await rm(tarballs, { recursive: true })

const committed = JSON.parse(await readFile(limitsFile, 'utf8')) as Readonly<Record<string, number>>
const limits = update
  ? Object.fromEntries(rows.map(({ name, size }) => [name, Math.ceil(size * 1.05)]))
  : committed
if (update) await writeFile(limitsFile, `${JSON.stringify(limits, null, 2)}\n`)

const failures: string[] = []
const width = Math.max(...rows.map(({ name }) => name.length))
for (const row of rows) {
  const limit = limits[row.name]
  const shownLimit = limit === undefined ? 'none' : show({ ...row, size: limit })
  console.log(`${row.name.padEnd(width)}  ${show(row).padStart(11)}  ${shownLimit.padStart(11)}`)
  if (limit === undefined) failures.push(`${row.name} has no limit.`)
  else if (row.size > limit) failures.push(`${row.name}: expected at most ${shownLimit}, got ${show(row)}.`)
  else if (limit > row.size * farthestLimit)
    failures.push(`${row.name}: ${show(row)} is far below its limit, ${shownLimit}.`)
}
for (const name of Object.keys(limits))
  if (rows.every((row) => row.name !== name)) failures.push(`${name} has a limit, but was not measured.`)

for (const failure of failures) console.error(failure)
if (failures.length > 0)
  console.error(`If it is meant to be so: node scripts/sizes.ts --update changes ${basename(limitsFile)}.`)
process.exitCode = failures.length === 0 ? 0 : 1
