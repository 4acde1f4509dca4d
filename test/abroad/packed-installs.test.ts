import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packPackages, root, run } from './packed-project.ts'

// The packed tarballs with other package managers than npm, and the client in bundlers for browsers.

const names = ['event-source-client', 'http-core', 'sse-server', 'sse-sqlite']

const program = `
import { createEventSource } from '@sse-toolkit/event-source-client'
import { createRouter } from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import { serveDirectory } from '@sse-toolkit/http-core/static'
import { channel } from '@sse-toolkit/http-core/web-socket'
import { createHub } from '@sse-toolkit/sse-server'
import { sqliteLog } from '@sse-toolkit/sse-sqlite'

const log = sqliteLog({ path: 'events.db' })
const hub = createHub({ log })
const router = createRouter()
router.get('/events', (request) => hub.subscribe(request, { topics: ['news'] }))
const server = createServer({ fetch: router.fetch, port: 0 })
await server.listen()
await hub.publish('news', { data: 'installed' })
for await (const event of createEventSource(new URL('/events?lastEventId=earliest', server.url))) {
  console.log(event.data, typeof serveDirectory, typeof channel)
  break
}
await hub.close()
await log.close()
await server.close()
`

let folder = ''
/** By name, as a range that package managers take. */
const tarballs: Record<string, string> = {}
let registry = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sse-toolkit-installs-'))
  const paths = await packPackages(names, folder)
  for (const [n, path] of paths.entries()) tarballs[`@sse-toolkit/${names[n]}`] = `file:${path}`
  registry = (await run('npm', ['config', 'get', 'registry'], folder)).trim()
}, 120_000)

afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))

async function createProject(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const project = join(folder, name)
  await mkdir(project)
  for (const [file, text] of Object.entries(files)) await writeFile(join(project, file), text)
  return project
}

// None of these versions is on a registry yet, so what one tarball asks of another is said to be the tarball.
const manifest = { private: true, type: 'module', dependencies: tarballs, resolutions: tarballs }

describe('the packed tarballs install and run', () => {
  const expected = 'installed function function\n'

  it('with pnpm, whose node_modules has only declared dependencies', async () => {
    const { packageManager } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as {
      readonly packageManager: string
    }
    const overrides = Object.entries(tarballs).map(([name, range]) => `  '${name}': '${range}'\n`)
    const project = await createProject('pnpm', {
      'package.json': JSON.stringify(manifest),
      'pnpm-workspace.yaml': `overrides:\n${overrides.join('')}`,
      'program.js': program,
    })
    await run('npx', ['--yes', packageManager, 'install', '--no-frozen-lockfile'], project)
    expect(await run(process.execPath, ['program.js'], project)).toBe(expected)
  }, 120_000)

  it('with Yarn 1', async () => {
    const project = await createProject('yarn-1', {
      'package.json': JSON.stringify(manifest),
      'program.js': program,
    })
    const args = ['--yes', 'yarn@1.22.22', 'install', '--no-lockfile', '--registry', registry]
    await run('npx', [...args, '--cache-folder', join(folder, 'yarn-1-cache')], project)
    expect(await run(process.execPath, ['program.js'], project)).toBe(expected)
  }, 120_000)

  it('with Yarn 4 and Plug’n’Play, where a package sees only what it declares', async () => {
    const project = await createProject('yarn-4', {
      'package.json': JSON.stringify(manifest),
      'program.js': program,
      'yarn.lock': '',
    })
    const variables = {
      YARN_NPM_REGISTRY_SERVER: registry,
      YARN_ENABLE_TELEMETRY: '0',
      YARN_ENABLE_GLOBAL_CACHE: '0',
      YARN_ENABLE_IMMUTABLE_INSTALLS: '0',
      YARN_NODE_LINKER: 'pnp',
    }
    const yarn = (...args: string[]): Promise<string> =>
      run('npx', ['--yes', '--package=@yarnpkg/cli-dist@4.18.1', 'yarn', ...args], project, variables)
    await yarn('install')
    expect(await yarn('node', 'program.js')).toBe(expected)
  }, 120_000)
})

describe('the client is bundled for browsers, without undici and Node modules', () => {
  let project = ''

  beforeAll(async () => {
    project = await createProject('bundlers', {
      'package.json': JSON.stringify({
        private: true,
        type: 'module',
        dependencies: { '@sse-toolkit/event-source-client': tarballs['@sse-toolkit/event-source-client'] },
      }),
      'index.html': '<script type="module" src="/page.js"></script>',
      'page.js': `
import { createEventSource, EventSource } from '@sse-toolkit/event-source-client'
import { debugTransport } from '@sse-toolkit/event-source-client/debug'
const transport = debugTransport()
globalThis.streams = [createEventSource('/a', { share: 'origin' }), new EventSource('/b', { transport })]
`,
    })
    const tools = ['esbuild-wasm@0.28.2', 'vite@8.4.0', 'webpack@5.113.0', 'webpack-cli@7.2.3']
    await run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', ...tools], project)
  }, 120_000)

  const bundlers: readonly (readonly [name: string, command: string, args: readonly string[]])[] = [
    [
      'esbuild',
      '../esbuild-wasm/bin/esbuild',
      ['page.js', '--bundle', '--format=esm', '--splitting', '--outdir=esbuild-out'],
    ],
    ['Vite', 'vite', ['build', '--outDir=Vite-out', '--logLevel=error']],
    [
      'webpack',
      'webpack',
      [
        '--mode=production',
        '--target=web',
        '--entry=./page.js',
        '--output-path=webpack-out',
        '--stats=errors-warnings',
      ],
    ],
  ]

  it.each(bundlers)(
    'by %s',
    async (name, command, args) => {
      await run(join(project, 'node_modules/.bin', command), args, project)
      await expectForBrowsers(join(project, `${name}-out`))
    },
    60_000,
  )

  async function expectForBrowsers(output: string): Promise<void> {
    const files = await readdir(output, { recursive: true })
    const scripts = files.filter((file) => file.endsWith('.js'))
    const code = (await Promise.all(scripts.map((file) => readFile(join(output, file), 'utf8')))).join('\n')
    expect(/last-event-id/i.test(code)).toBe(true)
    // The debug reports ask for a channel of Node at run time, by getBuiltinModule, and do without.
    const foreign = code.match(/undici|\brequire\(|\b(?:from|import)\s*\(?\s*["'`]node:/g)
    expect(foreign).toBeNull()
  }
})
