import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createEventSource } from '@sse-toolkit/event-source-client'
import { findFreePort, patience, startProcess } from '@sse-toolkit/test-support'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

// The pages of docs/migration: the program before and the program after do the same.

const pages = fileURLToPath(new URL('../../docs/migration/', import.meta.url))
const folder = fileURLToPath(new URL('../migration-examples/', import.meta.url))
const documentedPort = /\b3000\b/g

type Side = 'Before' | 'After'
const sides: readonly Side[] = ['Before', 'After']

/** The program that a page shows under a heading. */
function programOf(page: string, side: Side): string {
  const text = readFileSync(`${pages}${page}.md`, 'utf8')
  const [, program] = new RegExp(`^## ${side}\\n\\n\`\`\`[a-z -]+\\n([^]*?)^\`\`\``, 'm').exec(text) ?? []
  if (program === undefined) throw new Error(`${page}.md has no program under "${side}"`)
  return program
}

/** Runs the program in a process of its own, in which the documented port is another one. */
async function run(page: string, side: Side, port: number): ReturnType<typeof startProcess> {
  const file = `${folder}${page}-${side}.${side === 'Before' ? 'mjs' : 'ts'}`
  writeFileSync(file, programOf(page, side).replaceAll(documentedPort, String(port)))
  const child = await startProcess({
    command: process.execPath,
    args: ['--conditions=@sse-toolkit/source', '--import', `${folder}browser.mjs`, file],
  })
  onTestFinished(() => child[Symbol.asyncDispose]())
  return child
}

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder)
  // The part of a browser that @microsoft/fetch-event-source needs.
  writeFileSync(
    `${folder}browser.mjs`,
    `globalThis.window ??= globalThis
     globalThis.document ??= Object.assign(new EventTarget(), { hidden: false })\n`,
  )
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const greeting = ['message', '"Hello world!"'] as const
const servers: readonly {
  readonly page: string
  readonly path: string
  readonly expected: readonly (readonly [type: string, data: string | RegExp])[]
}[] = [
  { page: 'better-sse', path: '/sse', expected: [greeting, ['tick', /^\d+$/], ['tick', /^\d+$/]] },
  {
    page: 'express-sse',
    path: '/stream',
    expected: [
      ...['array', 'containing', 'initial', 'content'].map((word) => ['message', `"${word}"`] as const),
      ['paid', '{"total":12}'],
      ['paid', '{"total":12}'],
    ],
  },
  { page: 'hono', path: '/sse', expected: [1, 2].map(() => ['time-update', /^It is 20/] as const) },
  {
    page: 'fastify-sse',
    path: '/events',
    expected: [
      ['message', '"Hello SSE!"'],
      ['update', '{"message":"Hello World"}'],
    ],
  },
]

const clients = [
  { page: 'eventsource', expected: ['one', 'two', 'three'] },
  { page: 'launchdarkly-eventsource', expected: ['three'] },
  { page: 'event-source-plus', expected: ['notice one', 'update two', 'message three'] },
  { page: 'fetch-event-source', expected: ['one', 'two', 'three', 'done'] },
]

function onBothSides<Case>(cases: readonly Case[]): (Case & { readonly side: Side })[] {
  return cases.flatMap((each) => sides.map((side) => Object.assign({ side }, each)))
}

describe('a migrated server sends what it sent before', () => {
  it.each(onBothSides(servers))('$page: $side', async ({ page, path, expected, side }) => {
    const port = await findFreePort()
    await run(page, side, port)
    const client = createEventSource(`http://127.0.0.1:${port}${path}`, {
      reconnection: { backoff: () => 50 },
    })
    onTestFinished(() => client.close())
    const received: [string, string][] = []
    for await (const { type, data } of client) {
      received.push([type, data])
      if (received.length === expected.length) break
    }
    const patterns = expected.map(([type, data]): unknown => [
      type,
      typeof data === 'string' ? data : expect.stringMatching(data),
    ])
    expect(received).toEqual(patterns)
  })
})

describe('a migrated client prints what it printed before', () => {
  const stream = [
    'event: notice\nid: 1\ndata: one\n\n',
    'event: update\nid: 2\ndata: two\n\n',
    'id: 3\ndata: three\n\n',
  ]

  it.each(onBothSides(clients))('$page: $side', async ({ page, expected, side }) => {
    const bodies: string[] = []
    const server = createServer((request, response) => {
      let body = ''
      request.setEncoding('utf8').on('data', (text: string) => (body += text))
      request.on('end', () => {
        bodies.push(body)
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        for (const block of stream) response.write(block)
        // The others reconnect when a stream ends.
        if (request.method === 'POST') response.end()
      })
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    onTestFinished(() => {
      server.close()
      server.closeAllConnections()
    })
    const child = await run(page, side, (server.address() as AddressInfo).port)
    await expect.poll(() => `${child.stdout}${child.stderr}`.trim().split('\n'), patience).toEqual(expected)
    expect(bodies).toEqual([page === 'fetch-event-source' ? '{"foo":"bar"}' : ''])
  })
})
