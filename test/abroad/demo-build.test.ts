import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createEventSource } from '@sse-toolkit/event-source-client'
import { findRedisServer, startProcess } from '@sse-toolkit/test-support'
import type { StartedProcess } from '@sse-toolkit/test-support'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { describeDemo, env } from '../integration/running-demo.ts'
import type { RunningDemo } from '../integration/running-demo.ts'

const DEMO = fileURLToPath(new URL('../../apps/demo/', import.meta.url))
const redis = findRedisServer()

describe('the built demo, in a folder of its own', () => {
  let folder: string
  let demo: StartedProcess | undefined

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'demo-build-test-'))
    const build = await startProcess({ args: [join(DEMO, 'src/build.ts')] })
    const { code } = await build.exited
    if (code !== 0) throw new Error(`the build failed: ${build.stderr}`)
    await cp(join(DEMO, 'dist'), folder, { recursive: true })
  })
  afterEach(async () => {
    await demo?.kill()
    demo = undefined
  })
  afterAll(async () => {
    await rm(folder, { recursive: true })
  })

  async function start(...args: string[]): Promise<RunningDemo> {
    demo = await startProcess({
      args: [join(folder, 'server.js'), '--port', '0', ...args],
      nodeArgs: [],
      env,
      cwd: folder,
      ready: /The demo runs at \S+ /,
    })
    return describeDemo(demo)
  }

  it('needs nothing from the workspace, and contains no path of it', async () => {
    const server = await readFile(join(folder, 'server.js'), 'utf8')
    const imported = [...server.matchAll(/^(?:import|export)\b[^'"\n]*['"]([^'"]+)['"]/gm)].map(
      ([, name]) => name,
    )
    expect(imported.length).toBeGreaterThan(0)
    expect(imported.filter((name) => name?.startsWith('node:') === false)).toEqual([])
    expect(server).not.toContain(fileURLToPath(new URL('../../', import.meta.url)))
  })

  it('serves the page and the stream', async () => {
    const { url } = await start()
    expect(await (await fetch(url)).text()).toContain('<title>')
    for (const [path, contentType] of [
      ['page.js', 'text/javascript; charset=utf-8'],
      ['page.css', 'text/css; charset=utf-8'],
      ['icon.svg', 'image/svg+xml'],
    ] as const) {
      const response = await fetch(new URL(path, url))
      expect([response.status, response.headers.get('content-type')]).toEqual([200, contentType])
      expect((await response.text()).length).toBeGreaterThan(100)
    }
    await using stream = createEventSource(new URL('events?lastEventId=earliest', url), { data: 'json' })
    for await (const { type, data } of stream) {
      if (type !== 'sequence') continue
      expect(data).toMatchObject({ n: 1 })
      break
    }
    expect(await demo?.stop({ signal: 'SIGTERM' })).toEqual({ code: 0, signal: null })
    expect(demo?.stderr).toBe('')
  })

  it('starts the clients of a load from the one file', async () => {
    const { url, authorization } = await start()
    await using stream = createEventSource(new URL('load', url), {
      method: 'POST',
      headers: { authorization },
      body: JSON.stringify({ clients: 3, rate: 10 }),
      data: 'json',
      reconnection: { maxAttempts: 0 },
    })
    for await (const { type, data } of stream) {
      expect(type).toBe('figures')
      if ((data as { deliveries: number }).deliveries > 0) break
    }
  })

  it.skipIf(redis.skip)('starts several processes from it', async () => {
    const { url } = await start('--nodes', '2')
    expect(await (await fetch(new URL('about', url))).json()).toMatchObject({ nodes: 2 })
    expect(await (await fetch(new URL('page.js', url))).text()).toContain('/events')
    expect(await demo?.stop({ signal: 'SIGINT', timeoutMs: 8_000 })).toEqual({ code: 0, signal: null })
  })
})
