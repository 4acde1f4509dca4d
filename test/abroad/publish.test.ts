import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePort, startProcess } from '@sse-toolkit/test-support'
import type { ProcessExit, StartedProcess } from '@sse-toolkit/test-support'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { packPackages, root, run } from './packed-project.ts'

// scripts/publish.ts against a registry: Verdaccio, without an upstream registry, so it has only the packages published to it.

let folder = ''
let tarballs: readonly string[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sse-toolkit-publish-'))
  await mkdir(join(folder, 'tarballs'))
  tarballs = await packPackages([], join(folder, 'tarballs'))
  // Verdaccio asks for `node-fetch@cjs`, a tag, which mirrors of npm may not have.
  const manifest = { private: true, overrides: { 'node-fetch': '2.7.0' } }
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest))
  await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', 'verdaccio@6.10.4'], folder)
}, 300_000)

afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))

interface Registry extends AsyncDisposable {
  readonly url: string
}

/** @param locked - packages of ours that may not be published. */
async function startRegistry(port: number, locked: readonly string[]): Promise<Registry> {
  const rule = (name: string, publisher: string): string =>
    `  '${name}': { access: $all, publish: ${publisher}, unpublish: nobody }\n`
  const config = `
storage: ${join(folder, 'storage')}
auth: { htpasswd: { file: ${join(folder, 'users')}, max_users: 1 } }
uplinks: {}
packages:
${locked.map((name) => rule(`@sse-toolkit/${name}`, 'nobody')).join('')}${rule('**', '$authenticated')}
log: { type: stdout, format: pretty, level: warn }
`
  await writeFile(join(folder, 'verdaccio.yaml'), config)
  const bin = join(folder, 'node_modules/verdaccio/bin/verdaccio')
  const child: StartedProcess = await startProcess({
    args: [bin, '--config', 'verdaccio.yaml', '--listen', `127.0.0.1:${port}`],
    cwd: folder,
    env: { NODE_OPTIONS: undefined },
    ready: /http address/,
  })
  return { url: `http://127.0.0.1:${port}/`, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() }
}

/** Registers a user, whose token npm reads from a file. */
async function signUp({ url }: Registry): Promise<void> {
  const response = await fetch(new URL('-/user/org.couchdb.user:ada', url), {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'ada', password: 'correct horse' }),
  })
  const { token } = (await response.json()) as { readonly token?: string }
  await writeFile(join(folder, '.npmrc'), `//${new URL(url).host}/:_authToken=${token}\n`)
}

interface Publishing extends ProcessExit {
  readonly lines: readonly string[]
  readonly stderr: string
  readonly output: string
}

async function publish({ url }: Registry, ...options: string[]): Promise<Publishing> {
  const output = join(folder, 'output')
  await writeFile(output, '')
  await using child = await startProcess({
    args: [
      join(root, 'scripts/publish.ts'),
      `--tarballs=${join(folder, 'tarballs')}`,
      `--registry=${url}`,
      ...options,
    ],
    env: {
      NODE_OPTIONS: undefined,
      GITHUB_OUTPUT: output,
      NPM_CONFIG_USERCONFIG: join(folder, '.npmrc'),
      NPM_CONFIG_CACHE: join(folder, 'cache'),
      NPM_CONFIG_FETCH_RETRIES: '0',
    },
  })
  const exit = await child.exited
  const lines = child.stdout.trim().split('\n')
  return { ...exit, lines, stderr: child.stderr, output: await readFile(output, 'utf8') }
}

interface Manifest {
  readonly name: string
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** The manifests in the tarballs, by the label that the script gives each. */
async function readManifests(): Promise<Map<string, Manifest>> {
  const manifests = new Map<string, Manifest>()
  for (const tarball of tarballs) {
    const manifest = JSON.parse(
      await run('tar', ['-xzOf', tarball, 'package/package.json'], folder),
    ) as Manifest
    manifests.set(`${manifest.name}@${manifest.version}`, manifest)
  }
  return manifests
}

it('publishes each package after its dependencies, skips published versions, and resumes after a failure', async () => {
  const manifests = await readManifests()
  const port = await findFreePort()
  let labels: string[]
  let locked: number
  const outputOf = (key: string, some: readonly string[]): string => {
    const list = some
      .map((label) => manifests.get(label))
      .map((each) => ({ name: each?.name, version: each?.version }))
    return `${key}=${JSON.stringify(list)}\n`
  }

  {
    await using registry = await startRegistry(port, ['sse-redis'])
    await signUp(registry)
    const planned = await publish(registry, '--plan')
    labels = planned.lines.map((line) => line.replace(/^missing +/, ''))
    expect(labels.toSorted()).toEqual([...manifests.keys()].toSorted())
    expect(planned).toMatchObject({ code: 0, output: outputOf('missing', labels) })
    for (const [n, label] of labels.entries()) {
      const { dependencies, peerDependencies } = manifests.get(label) ?? {}
      for (const later of labels.slice(n))
        expect({ ...dependencies, ...peerDependencies }).not.toHaveProperty([
          manifests.get(later)?.name ?? '',
        ])
    }

    locked = labels.findIndex((label) => label.startsWith('@sse-toolkit/sse-redis@'))
    const failed = await publish(registry)
    expect(failed.stderr).toMatch(/sse-toolkit-sse-redis.*exit code 1/)
    expect(failed).toMatchObject({
      code: 1,
      lines: labels.slice(0, locked).map((label) => `published   ${label}`),
      output: outputOf('published', labels.slice(0, locked)),
    })
  }

  // The same registry, user and packages included, since the folder and the port are the same.
  await using registry = await startRegistry(port, [])
  expect(await publish(registry)).toMatchObject({
    code: 0,
    lines: labels.map((label, n) => `${n < locked ? 'there       ' : 'published   '}${label}`),
    output: outputOf('published', labels.slice(locked)),
  })
  expect(await publish(registry)).toMatchObject({
    code: 0,
    lines: labels.map((label) => `there       ${label}`),
    output: 'published=[]\n',
  })

  // What a user gets is what was packed.
  const document = await fetch(new URL('@sse-toolkit%2fsse-redis', registry.url))
  const version = manifests.get(labels[locked] ?? '')?.version ?? ''
  expect(await document.json()).toMatchObject({
    versions: {
      [version]: {
        exports: { '.': './dist/index.js' },
        peerDependencies: { '@sse-toolkit/sse-server': expect.stringMatching(/^\^\d/) },
      },
    },
  })
}, 180_000)

it('treats a registry that does not answer as a failure, not as an empty registry', async () => {
  const port = await findFreePort()
  const silent = { url: `http://127.0.0.1:${port}/`, [Symbol.asyncDispose]: () => Promise.resolve() }
  const { code, stderr, output } = await publish(silent, '--plan')
  expect({ code, output }).toEqual({ code: 1, output: 'missing=[]\n' })
  expect(stderr).toContain('the registry does not answer')
})

it('refuses a tarball packed by npm, which still names the workspace', async () => {
  const packed = join(folder, 'packed-by-npm')
  await mkdir(packed)
  await run(
    'npm',
    ['pack', '--loglevel=error', `--pack-destination=${packed}`],
    join(root, 'packages/sse-redis'),
  )
  await using child = await startProcess({
    args: [join(root, 'scripts/publish.ts'), `--tarballs=${packed}`],
    env: { NODE_OPTIONS: undefined },
  })
  expect(await child.exited).toMatchObject({ code: 1 })
  expect(child.stderr).toContain('was not packed by pnpm: it names the workspace or its sources.')
})
