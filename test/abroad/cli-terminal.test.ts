import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createServer } from '@sse-toolkit/http-core/node'
import type { Server } from '@sse-toolkit/http-core/node'
import { createHub } from '@sse-toolkit/sse-server'
import type { Hub } from '@sse-toolkit/sse-server'
import { findTmux, patience } from '@sse-toolkit/test-support'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'

// The command sse in a terminal: what stands on the screen of a person who uses it.

const program = fileURLToPath(new URL('../../packages/cli/src/node/sse.ts', import.meta.url))
const tmux = findTmux()

interface Terminal {
  /** The text on the screen and what scrolled out of it, without what follows its last line. */
  screen(): Promise<string>
  /** The same with its colours, as escape sequences. */
  colours(): Promise<string>
  press(key: string): Promise<void>
  /** The exit code, once the command has ended. */
  exitCode(): Promise<number | undefined>
}

/** Runs the command in a terminal of its own, 100 columns wide. */
async function openTerminal(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Terminal> {
  if (tmux.skip) throw new Error(tmux.reason)
  const socket = randomUUID()
  const run = async (...words: readonly string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(tmux.path, ['-L', socket, '-f', '/dev/null', ...words], {
      env: { PATH: process.env['PATH'], TERM: 'xterm-256color', LC_ALL: 'C.UTF-8' },
    })
    return stdout
  }
  onTestFinished(async () => {
    await run('kill-server')
  })
  const variables = Object.entries(env).flatMap(([name, value]) => ['-e', `${name}=${value}`])
  // tmux knows the exit code of a command only if it sees its end before that of its output.
  const shell = ['sh', '-c', `trap : INT; "$@"; echo "exit code $?"`, 'sse']
  const command = [...shell, process.execPath, '--conditions=@sse-toolkit/source', program, ...args]
  // One call, so that the screen stays even if the command ends at once.
  const keepScreen = ['set-option', '-g', 'remain-on-exit', 'on']
  const session = ['new-session', '-d', '-x', '100', '-y', '24', ...variables, ...command]
  await run('start-server', ';', ...keepScreen, ';', ...session)
  const screen = async (): Promise<string> => (await run('capture-pane', '-p', '-S', '-')).trimEnd()
  return {
    screen,
    colours: async () => (await run('capture-pane', '-p', '-e', '-S', '-')).trimEnd(),
    press: async (key) => void (await run('send-keys', key)),
    async exitCode() {
      const [, status] = /exit code (\d+)$/m.exec(await screen()) ?? []
      return status === undefined ? undefined : Number(status)
    },
  }
}

describe.skipIf(tmux.skip)('sse in a terminal', () => {
  let hub: Hub
  let server: Server
  let url = ''

  beforeAll(async () => {
    hub = createHub({ onError: () => undefined })
    server = createServer({
      port: 0,
      logger: 'off',
      fetch: (request) => hub.subscribe(request, { topics: ['orders'] }),
    })
    await server.listen()
    url = `${server.url}/orders`
    await hub.publish('orders', { event: 'paid', data: { total: 12 } })
    await hub.publish('orders', { data: '\u001B[2J\u001B]0;mine\u0007all gone' })
  })
  afterAll(async () => {
    await hub.close()
    await server.close({ timeoutMs: 0 })
  })

  it('shows time, type, data and id of each event, in colours, and Ctrl-C ends it with 130', async () => {
    const terminal = await openTerminal(['tail', url, '--from', 'earliest'])
    await vi.waitUntil(async () => (await terminal.screen()).includes('all gone'), patience)
    const lines = (await terminal.screen()).split('\n')
    expect(lines[0]).toBe(`sse: connected to ${url}`)
    expect(lines[1]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} paid \{"total":12\} {3}[a-z0-9]{12}-1$/)
    expect(await terminal.colours()).toContain('\u001B[36mpaid')
    await terminal.press('C-c')
    await vi.waitUntil(async () => (await terminal.exitCode()) !== undefined, patience)
    expect(await terminal.exitCode()).toBe(130)
  })

  it('shows control characters of an event without executing them', async () => {
    const terminal = await openTerminal(['tail', url, '--from', 'earliest', '--limit', '2'])
    await vi.waitUntil(async () => (await terminal.exitCode()) !== undefined, patience)
    const screen = await terminal.screen()
    expect(screen).toContain('connected to')
    expect(screen).toContain(String.raw`\x1b[2J\x1b]0;mine\x07all gone`)
  })

  it('has no colours under NO_COLOR', async () => {
    const terminal = await openTerminal(['tail', url, '--from', 'earliest', '--limit', '1'], {
      NO_COLOR: '1',
    })
    await vi.waitUntil(async () => (await terminal.exitCode()) !== undefined, patience)
    expect(await terminal.colours()).toMatch(/ paid \{"total":12\}/)
    expect((await terminal.colours()).split('Pane is dead')[0]).not.toContain('\u001B[36m')
  })

  it('serves typed lines, and says how to stop', async () => {
    const terminal = await openTerminal(['serve', '--port', '0'])
    await vi.waitUntil(async () => (await terminal.screen()).includes('Ctrl-D'), patience)
    const [first = ''] = (await terminal.screen()).split('\n')
    const [, served = ''] = /^sse: serving on (http:\S+)$/.exec(first) ?? []
    const text = fetch(served).then(async (response) => response.text())
    await vi.waitUntil(async () => (await terminal.screen()).includes('came'), patience)
    await terminal.press('hello')
    await terminal.press('Enter')
    await terminal.press('C-d')
    expect(await text).toContain('data: hello\n')
    await vi.waitUntil(async () => (await terminal.exitCode()) !== undefined, patience)
    expect(await terminal.exitCode()).toBe(0)
  })

  it('shows the progress of a load on one line, and the figures in its place', async () => {
    const terminal = await openTerminal(['load', url, '-c', '20', '-d', '2s'])
    await vi.waitUntil(async () => (await terminal.screen()).includes('20'), patience)
    expect((await terminal.screen()).split('\n')).toHaveLength(1)
    await vi.waitUntil(async () => (await terminal.exitCode()) !== undefined, patience)
    const [first = ''] = (await terminal.screen()).split('\n')
    expect(first).toBe('connections   20 of 20 open, 0 failed, 0 broke off, 0 complete')
    expect(await terminal.exitCode()).toBe(0)
  })
})
