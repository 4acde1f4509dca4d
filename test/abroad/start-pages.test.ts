import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createEventSource } from '@sse-toolkit/event-source-client'
import { findFreePort, startProcess } from '@sse-toolkit/test-support'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPackedProject, root } from './packed-project.ts'
import type { PackedProject } from './packed-project.ts'

// A stranger follows a page of docs/start in an empty folder: installs the packages, copies the first program, runs it, and
// reads the stream. (meta-frameworks.test.ts does that for frameworks that build.)

const pages = [
  { page: 'node-http', path: '/', type: 'headline' },
  { page: 'http-core', path: '/orders/42/events', type: 'moved' },
  { page: 'express', path: '/events', type: 'headline' },
  { page: 'fastify', path: '/events', type: 'headline' },
  { page: 'koa', path: '/', type: 'headline' },
]

describe('the first program of a start page, with the packed packages', () => {
  let project: PackedProject

  beforeAll(async () => {
    project = await createPackedProject(
      ['sse-server', 'http-core', 'event-source-client'],
      ['express@5.3.0', 'fastify@5.12.8', 'koa@3.3.0'],
    )
  }, 120_000)
  afterAll(() => project?.[Symbol.asyncDispose]())

  it.each(pages)('serves a stream: $page', async ({ page, path, type }) => {
    const text = await readFile(join(root, 'docs/start', `${page}.md`), 'utf8')
    const [, program = ''] = /^```ts no-run\n([^]*?)^```/m.exec(text) ?? []
    const port = await findFreePort()
    await writeFile(join(project.folder, `${page}.ts`), program.replaceAll('3000', String(port)))
    await using server = await startProcess({
      command: process.execPath,
      args: [`${page}.ts`],
      cwd: project.folder,
      env: { NODE_OPTIONS: undefined },
    })
    await using client = createEventSource(`http://127.0.0.1:${port}${path}`, {
      reconnection: { backoff: () => 100 },
    })
    const types: string[] = []
    for await (const event of client) {
      types.push(event.type)
      if (types.length === 2) break
    }
    expect(types).toEqual([type, type])
    expect(server.stderr).toBe('')
  })
})
