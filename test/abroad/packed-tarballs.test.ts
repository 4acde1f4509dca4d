import { readFileSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { findRedisServer, startProcess, startRedis } from '@sse-toolkit/test-support'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPackedProject, root, run } from './packed-project.ts'
import type { PackedProject } from './packed-project.ts'

// What users get: the packed tarballs, installed with npm into an empty project.

const published = [
  'sse-server',
  'http-core',
  'event-source-client',
  'sse-redis',
  'sse-sqlite',
  'cli',
  'testing',
]

const program = `
import { createEventSource } from '@sse-toolkit/event-source-client'
import { createRouter } from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import { createHub } from '@sse-toolkit/sse-server'

const hub = createHub()
const router = createRouter()
router.get('/events/:topic', (request, { params }) => hub.subscribe(request, { topics: [params.topic] }))

const server = createServer({ fetch: router.fetch, port: 0 })
await server.listen()
await hub.publish('news', { event: 'headline', data: { text: 'before' } })

const source = createEventSource(new URL('/events/news?lastEventId=earliest', server.url))
let count = 0
for await (const event of source) {
  console.log(event.type, event.data)
  count += 1
  if (count === 1) await hub.publish('news', { event: 'headline', data: { text: 'live' } })
  else break
}
await source.close()
await hub.close()
await server.close()
`

// What runs without Node: in browsers, workers, Deno, and at the edge.
const webProgram = `
import { createEventSource, EventSource } from '@sse-toolkit/event-source-client'
import { createRouter } from '@sse-toolkit/http-core'
import { createHub, memoryLog, respond } from '@sse-toolkit/sse-server'
import { mcpEventStore } from '@sse-toolkit/sse-server/mcp'
import { createResumableStreamContext } from '@sse-toolkit/sse-server/resumable-stream'
import { hubStream } from '@sse-toolkit/sse-server/tanstack-ai'
import { createFakeServer, readEvents } from '@sse-toolkit/testing'

const router = createRouter()
router.get('/events', (request) => respond([{ data: 'x' }], { request }))
export const hub = createHub()
export const clients = [createEventSource('/events'), new EventSource('/events')]
export const dropIns = [
  createResumableStreamContext({ hub }),
  mcpEventStore({ log: memoryLog(), sessionId: '1' }),
  hubStream(hub, { runId: '1' }),
]
export const tested = readEvents(respond([{ data: 'x' }]))
export const fake: typeof globalThis.EventSource = createFakeServer().EventSource
export default { fetch: router.fetch }
`

// The same, but that the hub's log is on Redis, and what is read is published by another hub.
const redisProgram = `
import { redisLog } from '@sse-toolkit/sse-redis'
import { createHub } from '@sse-toolkit/sse-server'

const url = process.env['REDIS_URL'] ?? ''
const logs = [redisLog({ url }), redisLog({ url })] as const
const [hub, other] = [createHub({ log: logs[0] }), createHub({ log: logs[1] })]
await other.publish('news', { data: 'before' })
const request = new Request('http://localhost/?lastEventId=earliest')
const response = await hub.subscribe(request, { topics: ['news'] })
const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
let received = ''
while (!received.includes('data: before')) received += (await reader?.read())?.value ?? ''
await other.publish('news', { data: 'live' })
while (!received.includes('data: live')) received += (await reader?.read())?.value ?? ''
console.log(received.match(/data: .+/g)?.join())
await reader?.cancel()
for (const each of [hub, other]) await each.close()
for (const log of logs) await log.close()
`

const redis = findRedisServer()
const expected = 'headline {"text":"before"}\nheadline {"text":"live"}\n'

const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly devDependencies: Readonly<Record<string, string>>
}
let packed: PackedProject
let project = ''

beforeAll(async () => {
  packed = await createPackedProject(published, [
    `@types/node@${devDependencies['@types/node']}`,
    // The optional peers.
    '@prometheus-io/client@0.16.1',
    'react@19.3.1',
  ])
  project = packed.folder
}, 180_000)

afterAll(() => packed[Symbol.asyncDispose]())

describe('the packed tarballs, installed with npm into an empty project', () => {
  it('contain the build and its source, and nothing else', async () => {
    for (const name of published) {
      const manifest = await manifestOf(name)
      expect(JSON.stringify(manifest.exports)).not.toContain('.ts"')
      expect(JSON.stringify(manifest.dependencies ?? {})).not.toContain('workspace:')
    }
  })

  it('work from plain JavaScript', async () => {
    await writeFile(join(project, 'program.js'), program)
    expect(await run(process.execPath, ['program.js'], project)).toBe(expected)
  })

  it('work from CommonJS: require() gives every entry point', async () => {
    const specifiers: string[] = []
    for (const name of published) {
      const { exports } = await manifestOf(name)
      specifiers.push(...Object.keys(exports).map((entry) => `@sse-toolkit/${name}${entry.slice(1)}`))
    }
    // Vitest cannot be imported outside of a test of its own.
    const code = specifiers.filter((specifier) => !/\.json$|\/vitest$/.test(specifier))
    await writeFile(
      join(project, 'program.cjs'),
      `for (const each of ${JSON.stringify(code)}) console.log(each, Object.keys(require(each)).length > 0)`,
    )
    expect(await run(process.execPath, ['program.cjs'], project)).toBe(
      code.map((specifier) => `${specifier} true\n`).join(''),
    )
  })

  const resolutions = [
    ['nodenext', 'NodeNext'],
    ['bundler', 'ESNext'],
  ] as const

  it.each(['strict', 'not strict'])('have their types in TypeScript 5.9, %s', async (strictness) => {
    const strict = strictness === 'strict'
    const file = await expectTypes(
      `typescript-5-${strict}`,
      program,
      {
        module: 'NodeNext',
        lib: ['ES2024', 'ESNext.Disposable'],
        types: ['node'],
        strict,
        exactOptionalPropertyTypes: strict,
        skipLibCheck: false,
      },
      join(root, 'packages/event-source-client/node_modules/typescript-5/bin/tsc'),
    )
    expect(await run(process.execPath, [file], project)).toBe(expected)
  })

  it('have their types with strict off', async () => {
    await expectTypes('not-strict', program, {
      module: 'NodeNext',
      lib: ['ES2024', 'ESNext.Disposable'],
      types: ['node'],
      strict: false,
      exactOptionalPropertyTypes: false,
    })
  })

  it.each(resolutions)(
    'have their types in Node, with moduleResolution %s',
    async (moduleResolution, module) => {
      const file = await expectTypes(`node-${moduleResolution}`, program, {
        module,
        moduleResolution,
        lib: ['ES2024', 'ESNext.Disposable'],
        types: ['node'],
      })
      expect(await run(process.execPath, [file], project)).toBe(expected)
    },
  )

  it.each(resolutions)(
    'have their types without @types/node, with moduleResolution %s',
    async (moduleResolution, module) => {
      await expectTypes(`web-${moduleResolution}`, webProgram, {
        module,
        moduleResolution,
        lib: ['ES2024', 'ESNext.Disposable', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'],
        types: [],
      })
    },
  )

  it('install the command sse', async () => {
    const sse = join(project, 'node_modules/.bin/sse')
    expect(await run(sse, ['--version'], project)).toMatch(/^\d+\.\d+\.\d+\n$/)
    await using server = await startProcess({
      command: 'sh',
      args: ['-c', `(echo one; sleep 5) | ${sse} serve --port 0 2>&1`],
      ready: /serving on/,
    })
    const [, url = ''] = /serving on (\S+)/.exec(server.stdout) ?? []
    expect(await run(sse, ['tail', url, '-q', '-o', 'data', '--limit', '1'], project)).toBe('one\n')
  })

  it.skipIf(redis.skip)('work over Redis, with their types', async () => {
    await using server = await startRedis()
    const file = await expectTypes('redis', redisProgram, {
      module: 'NodeNext',
      moduleResolution: 'nodenext',
      lib: ['ES2024', 'ESNext.Disposable'],
      types: ['node'],
    })
    expect(await run(process.execPath, [file], project, { REDIS_URL: server.url })).toBe(
      'data: before,data: live\n',
    )
  })

  async function manifestOf(
    name: string,
  ): Promise<{ exports: Record<string, unknown>; dependencies?: Record<string, string> }> {
    const path = join(project, 'node_modules/@sse-toolkit', name, 'package.json')
    return JSON.parse(await readFile(path, 'utf8')) as Awaited<ReturnType<typeof manifestOf>>
  }

  async function expectTypes(
    name: string,
    source: string,
    compilerOptions: Record<string, unknown>,
    tsc = join(root, 'node_modules/.bin/tsc'),
  ): Promise<string> {
    const folder = join(project, name)
    const file = join(folder, 'program.ts')
    await mkdir(folder)
    await writeFile(file, source)
    const options = {
      target: 'ES2024',
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      ...compilerOptions,
    }
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options }))
    expect(await run(tsc, ['-p', folder, '--pretty', 'false'], project)).toBe('')
    return file
  }
})
