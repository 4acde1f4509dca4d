import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

// What a package needs before it can be published. Packing itself is tried in test/abroad.

interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly license?: string
  readonly repository?: { readonly directory?: string }
  readonly homepage?: string
  readonly files?: readonly string[]
  readonly engines?: { readonly node?: string }
  readonly exports: Readonly<Record<string, unknown>>
  readonly publishConfig?: {
    readonly access?: string
    readonly exports?: Readonly<Record<string, unknown>>
  }
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')
const manifestOf = (folder: string): Manifest => JSON.parse(read(join(folder, 'package.json'))) as Manifest

const rootManifest = manifestOf('.')
const published = readdirSync(join(root, 'packages'))
  .map((name) => ({ folder: `packages/${name}`, manifest: manifestOf(`packages/${name}`) }))
  .filter(({ manifest }) => manifest.private !== true)
const changesets = readdirSync(join(root, '.changeset'))
  .filter((file) => file.endsWith('.md'))
  .map((file) => read(`.changeset/${file}`))

/** What `pnpm pack` makes of the entry points: the sources' condition is gone, and the built file remains. */
function packedExports(exports: Manifest['exports']): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(exports).map(([entry, target]) => [
      entry,
      typeof target === 'object' && target !== null && 'default' in target ? target.default : target,
    ]),
  )
}

describe.each(published)('the package in $folder', ({ folder, manifest }) => {
  it('states its repository, and its requirements', () => {
    expect(manifest).toMatchObject({
      license: 'MIT',
      repository: { directory: folder },
      homepage: `https://github.com/sse-toolkit/sse-toolkit/tree/main/${folder}#readme`,
      engines: rootManifest.engines,
      publishConfig: { access: 'public' },
    })
    expect(existsSync(join(root, folder, 'LICENSE'))).toBe(true)
    expect(existsSync(join(root, folder, 'README.md'))).toBe(true)
  })

  it('publishes each entry point as it was built', () => {
    expect(manifest.publishConfig?.exports).toEqual(packedExports(manifest.exports))
  })

  it('ships its changelog, whose newest section is its version', () => {
    expect(manifest.files).toContain('CHANGELOG.md')
    if (manifest.version === '0.0.0') {
      // Not released yet: the next release is announced by a changeset.
      expect(changesets.some((changeset) => changeset.includes(`'${manifest.name}':`))).toBe(true)
      return
    }
    const changelog = read(join(folder, 'CHANGELOG.md'))
    const [, newest] = /^## (.+)$/m.exec(changelog) ?? []
    expect(newest).toBe(manifest.version)
    // As the release on GitHub shows it.
    const args = [join(root, 'scripts/changelog-section.ts'), manifest.name, manifest.version]
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^### \w+ Changes\n/)
    expect(changelog).toContain(stdout.trim())
    expect(stdout).not.toMatch(/^## /m)
  })

  it('depends on ranges, so that its users get the fixes of its dependencies', () => {
    const ranges = { ...manifest.dependencies, ...manifest.peerDependencies }
    for (const [name, range] of Object.entries(ranges))
      expect(`${name} ${range}`).toMatch(
        name.startsWith('@sse-toolkit/') ? / workspace:\^$/ : / (?:\^|>=)\d+\.?/,
      )
  })
})
