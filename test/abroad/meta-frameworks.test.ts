import { appendFile, cp, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createEventSource } from '@sse-toolkit/event-source-client'
import type { EventSourceClient } from '@sse-toolkit/event-source-client'
import { findFreePort, startProcess } from '@sse-toolkit/test-support'
import type { StartedProcess } from '@sse-toolkit/test-support'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createPackedProject, run } from './packed-project.ts'
import type { PackedProject } from './packed-project.ts'

// The hub in frameworks that build the application: installed from the packed tarballs, built, and started as their users do.

interface Framework {
  readonly dependencies: readonly string[]
  readonly build?: readonly string[]
  /** How it is started on a port, as a program of node_modules/.bin or a file, and its arguments. */
  readonly start: (port: number) => readonly [string, ...string[]]
  readonly feed?: string
}

const next: Framework = {
  dependencies: ['next@16.4.6', 'react@19.3.1', 'react-dom@19.3.1'],
  build: ['next', 'build'],
  start: (port) => ['node_modules/.bin/next', 'start', '--port', String(port)],
  // Through its rewrites.
  feed: '/feed',
}

const frameworks: readonly (readonly [name: string, folder: string, framework: Framework])[] = [
  ['Next.js, built', 'nextjs', next],
  [
    'Next.js, in development',
    'nextjs',
    {
      dependencies: next.dependencies,
      start: (port) => ['node_modules/.bin/next', 'dev', '--port', String(port)],
      feed: '/feed',
    },
  ],
  [
    'Nest, compiled',
    'nest',
    {
      dependencies: [
        '@nestjs/common@12.5.1',
        '@nestjs/core@12.5.1',
        '@nestjs/platform-express@12.5.1',
        '@types/express@5.0.6',
        '@types/node@24.19.2',
        'reflect-metadata@0.2.2',
        'rxjs@7.8.2',
        'typescript@5.9.3',
      ],
      build: ['tsc', '-p', '.'],
      start: () => ['dist/main.js'],
    },
  ],
  [
    'Nitro, built',
    'nitro',
    {
      dependencies: ['nitro@3.0.0'],
      build: ['nitro', 'build'],
      start: () => ['.output/server/index.mjs'],
    },
  ],
  [
    'SvelteKit, built',
    'sveltekit',
    {
      dependencies: [
        '@sveltejs/kit@3.2.0',
        '@sveltejs/adapter-node@6.0.1',
        '@sveltejs/vite-plugin-svelte@7.3.1',
        'svelte@5.57.3',
        'vite@8.4.0',
      ],
      build: ['vite', 'build'],
      start: () => ['build/index.js'],
    },
  ],
]

describe.each(frameworks)('%s', (_name, folder, { dependencies, build, start, feed = '/events' }) => {
  let project: PackedProject
  let server: StartedProcess
  let url = ''

  beforeAll(async () => {
    project = await createPackedProject(['sse-server', 'event-source-client'], dependencies)
    const app = fileURLToPath(new URL(`../../examples/apps/${folder}`, import.meta.url))
    await cp(app, project.folder, { recursive: true })
    const env = { NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: build === undefined ? 'development' : 'production' }
    if (build !== undefined) {
      const [command = '', ...args] = build
      await run(join(project.folder, 'node_modules/.bin', command), args, project.folder, env)
    }
    const port = await findFreePort()
    url = `http://localhost:${port}`
    server = await startProcess({
      command: process.execPath,
      args: start(port),
      cwd: project.folder,
      env: { ...env, NODE_OPTIONS: undefined, PORT: String(port) },
    })
    await vi.waitFor(connections, { timeout: 60_000, interval: 200 })
  }, 240_000)

  afterAll(async () => {
    // Not SIGKILL: Next.js in development is two processes, and the first ends the second.
    await server?.stop({ timeoutMs: 20_000 })
    await project?.[Symbol.asyncDispose]()
  })

  async function publish(data: string): Promise<string> {
    const response = await fetch(`${url}/publish?topic=news`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ data }),
    })
    expect(response.status).toBe(201)
    return ((await response.json()) as { id: string }).id
  }

  async function opened(path: string): Promise<EventSourceClient> {
    const source = createEventSource(`${url}${path}`)
    await expect.poll(() => source.status.state).toBe('open')
    return source
  }

  async function connections(): Promise<unknown> {
    const response = await fetch(`${url}/stats`)
    const stats = (await response.json()) as { readonly connections: number }
    return stats.connections
  }

  it('passes each event on at once, and resumes after the last one', async () => {
    await using source = await opened(feed)
    const events = source.events()
    const ids: string[] = []
    for (const data of ['1', '2']) {
      ids.push(await publish(data))
      // Nothing else is published before it arrives, so a buffer in between would make this wait without end.
      expect((await events.next()).value).toMatchObject({ data })
    }
    await using again = createEventSource(`${url}${feed}`, { lastEventId: ids[0] ?? '' })
    expect((await again.events().next()).value).toMatchObject({ data: '2', lastEventId: ids[1] })
  })

  it('notices clients that leave', async () => {
    const source = await opened('/events')
    await expect.poll(connections).toBe(1)
    source.close()
    await expect.poll(connections).toBe(0)
  })

  // The folder with the code for browsers, of the one application that has such code.
  it.each(folder === 'nextjs' && build !== undefined ? ['.next/static'] : [])(
    'has the client in %s, without undici and modules of Node',
    async (path) => {
      const output = join(project.folder, path)
      const files = await readdir(output, { recursive: true })
      const scripts = files.filter((file) => file.endsWith('.js'))
      const code = (await Promise.all(scripts.map((file) => readFile(join(output, file), 'utf8')))).join('\n')
      expect(code.includes('sse-toolkit 1')).toBe(true)
      expect(code.match(/undici|\bnode:(?:http|net|diagnostics_channel)/g)).toBeNull()
    },
  )

  if (build !== undefined) return
  it('goes on when the routes are reloaded', async () => {
    await using source = await opened('/events')
    await appendFile(join(project.folder, 'app/publish/route.js'), '\n// A change.\n')
    await appendFile(join(project.folder, 'hub.js'), '\n// A change.\n')
    const id = await publish('after the change')
    expect((await source.events().next()).value).toMatchObject({ lastEventId: id })
    expect(source.status.state).toBe('open')
  })
})
