/** The packages that are published, and their entry points. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly publishConfig: { readonly exports: Readonly<Record<string, string>> }
}

export interface EntryPoint {
  /** As a user imports it, such as `@sse-toolkit/sse-server/node`. */
  readonly specifier: string
  /** The built file. */
  readonly file: string
}

export interface PublishedPackage {
  /** The name of its folder, such as `sse-server`. */
  readonly name: string
  readonly folder: string
  readonly manifest: Manifest
  readonly entryPoints: readonly EntryPoint[]
}

export const root: string = fileURLToPath(new URL('..', import.meta.url))

export async function publishedPackages(): Promise<PublishedPackage[]> {
  const packages: PublishedPackage[] = []
  for (const name of (await readdir(join(root, 'packages'))).toSorted()) {
    const folder = join(root, 'packages', name)
    const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest
    if (manifest.private === true) continue
    const entryPoints = Object.entries(manifest.publishConfig.exports)
      .filter(([, target]) => target.endsWith('.js'))
      .map(([entry, target]) => ({
        specifier: manifest.name + entry.slice(1),
        file: join(folder, target),
      }))
    packages.push({ name, folder, manifest, entryPoints })
  }
  return packages
}
