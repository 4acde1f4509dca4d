import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createServer } from '@sse-toolkit/http-core/node'
import type { Server } from '@sse-toolkit/http-core/node'
import { createHub, createPublishHandler } from '@sse-toolkit/sse-server'
import type { Hub } from '@sse-toolkit/sse-server'
import { findFreePort } from '@sse-toolkit/test-support'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

// The README's recording: each `$ sse` command prints what the README says that it prints.

const packageFolder = fileURLToPath(new URL('../../packages/cli/', import.meta.url))

interface Recorded {
  readonly command: string
  readonly output: string
}

/** In an indented block, a line that begins with `$ sse`, and what follows it up to the next command. */
function recordingsOf(markdown: string): readonly Recorded[] {
  const blocks = markdown.split(/\n(?! {4}|\n)/).map((block) => block.replaceAll(/^ {4}/gm, ''))
  return blocks
    .flatMap((block) => block.split(/^(?=\$ )/m))
    .filter((part) => part.startsWith('$ sse '))
    .map((part) => {
      const [line = '', ...output] = part.trimEnd().split('\n')
      return { command: line.slice(2), output: output.join('\n') }
    })
}

/**
 * The output as a pattern. Of an id only the last number is the same each time; a figure with a unit is another one; and a
 * line of dots stands for any lines.
 */
function patternOf(output: string): RegExp {
  const escaped = output.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)
  const loose = escaped
    .replaceAll(/k3v9x0q2-(\d+)/g, String.raw`[a-z0-9]{12}-$1`)
    .replaceAll(/\d[\d,]*(?:\\\.\d+)?(?= (?:ms|s|bytes|in|a second)\b)/g, String.raw`[\d.,]+`)
    .replaceAll(/^\\\.\\\.\\\.$/gm, '[^]*?')
  return new RegExp(`^${loose}\\n?$`)
}

const recordings = recordingsOf(await readFile(join(packageFolder, 'README.md'), 'utf8'))

let shop: Hub
let clock: Hub
let server: Server
let folder = ''
let ticking: NodeJS.Timeout

beforeAll(async () => {
  shop = createHub({ onError: () => undefined })
  clock = createHub({ onError: () => undefined })
  const publish = createPublishHandler(shop, { authorize: () => ({}) })
  server = createServer({
    port: 0,
    logger: 'off',
    fetch(request) {
      const { pathname } = new URL(request.url)
      if (pathname === '/publish') return publish(request)
      return pathname === '/ticks'
        ? clock.subscribe(request, { topics: ['ticks'] })
        : shop.subscribe(request, { topics: ['orders'] })
    },
  })
  await server.listen()
  for (const total of [12, 30]) await shop.publish('orders', { event: 'paid', data: { total } })
  ticking = setInterval(() => void clock.publish('ticks', { data: { at: Date.now() } }), 100)
  folder = await mkdtemp(join(tmpdir(), 'sse-toolkit-recording-'))
  const program = join(packageFolder, 'src/node/sse.ts')
  const command = `#!/bin/sh\nexec "${process.execPath}" --conditions=@sse-toolkit/source "${program}" "$@"\n`
  await writeFile(join(folder, 'sse'), command)
  await chmod(join(folder, 'sse'), 0o755)
})
afterAll(async () => {
  clearInterval(ticking)
  await Promise.all([shop.close(), clock.close()])
  await server.close({ timeoutMs: 0 })
  await rm(folder, { recursive: true })
})

describe('the recording in the README of the command line', () => {
  it('shows each command', () => {
    const commands = recordings.map(({ command }) => command.split(' ')[1])
    expect(new Set(commands)).toEqual(new Set(['tail', 'record', 'replay', 'publish', 'check', 'load']))
  })

  it.each(recordings)('$command', async ({ command, output }) => {
    const freePort = await findFreePort()
    const { stdout } = await promisify(execFile)(
      'sh',
      [
        '-c',
        command.replaceAll('localhost:3000', `127.0.0.1:${server.port}`).replaceAll('9000', String(freePort)),
      ],
      { cwd: folder, env: { ...process.env, NODE_OPTIONS: '', PATH: `${folder}:${process.env['PATH']}` } },
    )
    expect(stdout).toMatch(patternOf(output))
  })
})
