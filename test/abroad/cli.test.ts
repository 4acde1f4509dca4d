import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createServer } from '@sse-toolkit/http-core/node'
import type { Server } from '@sse-toolkit/http-core/node'
import { createHub, createPublishHandler, respond } from '@sse-toolkit/sse-server'
import type { Hub } from '@sse-toolkit/sse-server'
import { findFreePort } from '@sse-toolkit/test-support'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'

// The command sse, as a shell runs it: a process, its output, its exit code.

const program = fileURLToPath(new URL('../../packages/cli/src/node/sse.ts', import.meta.url))

interface Running {
  readonly child: ChildProcessWithoutNullStreams
  readonly output: { stdout: string; stderr: string }
  readonly exit: Promise<{ code: number | null; stdout: string; stderr: string }>
}

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const child = spawn(process.execPath, ['--conditions=@sse-toolkit/source', program, ...args], {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  const exit = new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve) => {
    child.on('close', (code) => resolve({ code, ...output }))
  })
  return { child, output, exit }
}

function run(...args: readonly string[]): Running['exit'] {
  const { child, exit } = start(args)
  child.stdin.end()
  return exit
}

let hub: Hub
let server: Server
let url = ''
let folder = ''

beforeAll(async () => {
  hub = createHub({ heartbeatIntervalMs: 1000, onError: () => undefined })
  const publish = createPublishHandler(hub, {
    authorize: (request) =>
      request.headers.get('authorization') === 'Bearer secret'
        ? {}
        : new Response('Who are you?', { status: 401 }),
  })
  server = createServer({
    port: 0,
    logger: 'off',
    fetch: async (request) => {
      const { pathname } = new URL(request.url)
      if (pathname === '/publish') return publish(request)
      if (pathname === '/text') return new Response('<html>')
      if (pathname === '/numbers') {
        const numbers = ['1', '2', '3'].map((id) => ({ id, data: { n: Number(id), at: Date.now() } }))
        return respond(numbers, { request, wireContract: 'off' })
      }
      if (pathname === '/echo')
        return respond([{ event: request.method, data: await request.text() }], { request })
      return hub.subscribe(request, { topics: [pathname.slice(1)] })
    },
  })
  await server.listen()
  url = `${server.url}/`
  await hub.publish('feed', { event: 'paid', data: { order: { total: 12 } } })
  await hub.publish('feed', { data: 'plain \u001B[31mred' })
  await hub.run('job', async function* () {
    yield { data: 'half' }
    throw new Error('secret')
  })
  folder = await mkdtemp(join(tmpdir(), 'sse-toolkit-cli-'))
})
afterAll(async () => {
  await hub.close()
  await server.close({ timeoutMs: 0 })
  await rm(folder, { recursive: true })
})

describe('sse', () => {
  it.each([
    [['--help'], 0, /sse tail URL/],
    [['--version'], 0, /^\d+\.\d+\.\d+\n$/],
    [[], 2, /sse tail URL/],
    [['tail', '--help'], 0, /Exit codes/],
    [['serve', '--help'], 0, /Exit codes/],
    [['publish', '-h'], 0, /Exit codes/],
    [['check', '--help'], 0, /Exit codes/],
    [['load', '--help'], 0, /Exit codes/],
    [['record', '--help'], 0, /Exit codes/],
    [['replay', '--help'], 0, /Exit codes/],
  ])('%j exits with %i', async (args, code, stdout) => {
    expect(await run(...args)).toEqual({ code, stdout: expect.stringMatching(stdout), stderr: '' })
  })

  it.each([
    [['frob'], /no command "frob": tail, serve/],
    [['record', 'a', '--from', 'earliest', '--last-event-id', '1'], /either --from or --last-event-id/],
    [['replay'], /A recording is missing/],
    [['replay', '/nowhere/at/all'], /Cannot read \/nowhere/],
    [['replay', 'a', '--speed', 'fast'], /--speed: expected a number of at least 0, got "fast"/],
    [['tail'], /A URL is missing/],
    [['tail', 'ftp://x'], /Expected an http or https URL, got "ftp:\/\/x"/],
    [['tail', 'a', 'b'], /"b" is too much/],
    [['tail', 'a', '--lmit', '3'], /did you mean --limit\?/],
    [['tail', 'a', '--limit', 'x'], /--limit: expected a whole number of at least 1, got "x"/],
    [['tail', 'a', '-o', 'xml'], /--output: expected pretty, jsonl, data, raw, got "xml"/],
    [['tail', 'a', '-H', 'no colon'], /--header: expected 'Name: value'/],
    [['tail', 'a', '--resume', 'f', '--from', 'earliest'], /leave out --from/],
    [['tail', 'a', '--max-time', '5 parsecs'], /--max-time: expected a duration such as 30s/],
    [['tail', 'a', '-d', '@/nowhere/at/all'], /--data: cannot read \/nowhere/],
    [['serve', 'x'], /takes no argument/],
    [['serve', '--id', 'a'], /--id needs --json/],
    [['serve', '--cert', 'x'], /both --cert and --key/],
    [['publish', 'a', '--key', 'k'], /--key is for a single event/],
    [['load', 'a', '-c', '0'], /--connections: expected/],
  ])('%j is refused, and says why', async (args, message) => {
    const { code, stdout, stderr } = await run(...args)
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringMatching(message)])
  })
})

describe('sse tail', () => {
  it('writes JSON lines to a pipe, and its status to standard error', async () => {
    const { code, stdout, stderr } = await run('tail', `${url}feed`, '--from', 'earliest', '--limit', '2')
    expect([code, stdout.split('\n').map((line) => line.replace(/"id":"[^"]+"/, 'ID'))]).toEqual([
      0,
      [
        '{"event":"paid","data":{"order":{"total":12}},ID}',
        '{"event":"message","data":"plain \\u001b[31mred",ID}',
        '',
      ],
    ])
    expect(stderr).toBe(`sse: connected to ${url}feed\n`)
  })

  it.each([
    [['-o', 'data', '--data-path', 'order.total', '--limit', '1'], '12\n'],
    [['-o', 'data', '--type', 'message', '--limit', '1'], 'plain \u001B[31mred\n'],
  ])('with %j writes %j', async (options, expected) => {
    const { code, stdout, stderr } = await run('tail', `${url}feed`, '--from', 'earliest', '-q', ...options)
    expect([code, stdout, stderr]).toEqual([0, expected, ''])
  })

  it('keeps an event from controlling the terminal', async () => {
    const { stdout } = await run(
      'tail',
      `${url}feed`,
      '--from',
      'earliest',
      '-q',
      '-o',
      'pretty',
      '--limit',
      '2',
    )
    expect(stdout).toMatch(/^\d\d:\d\d:\d\d\.\d{3} paid \{"order":\{"total":12\}\} {3}\w+-\d+\n/)
    expect(stdout).toContain('plain \\x1b[31mred')
  })

  it('copies bytes', async () => {
    const { code, stdout } = await run('tail', `${url}numbers`, '-o', 'raw', '-q')
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^id: 1\ndata: \{"n":1,"at":\d+\}\n\nid: 2\n/)])
  })

  it('resumes from a file with the last event ID', async () => {
    const file = join(folder, 'feed.id')
    const first = await run('tail', `${url}feed`, '-q', '--from', 'earliest', '--limit', '1')
    const { id } = JSON.parse(first.stdout) as { id: string }
    await writeFile(file, id)
    const second = await run('tail', `${url}feed`, '-q', '--resume', file, '--limit', '1')
    expect(second.stdout).toContain('plain')
    expect(await readFile(file, 'utf8')).toBe((JSON.parse(second.stdout) as { id: string }).id)
  })

  it.each([
    ['sends a POST once', ['echo', '-d', 'a body', '-o', 'data'], 0, 'a body\n', /complete/],
    [
      'ends with the stream',
      ['numbers', '--until-end', '-o', 'data', '--data-path', 'n'],
      0,
      '1\n2\n3\n',
      /complete/,
    ],
    ['says that it failed', ['job', '-o', 'data'], 4, 'half\n', /failed: .*The producer failed/],
    ['says what was refused', ['text'], 3, '', /refused: .*text\/event-stream/],
    ['ends in time', ['feed', '--max-time', '300ms'], 5, '', /the time is over/],
  ])('%s', async (_what, [path = '', ...options], code, stdout, stderr) => {
    const exit = await run('tail', `${url}${path}`, ...options)
    expect([exit.code, exit.stdout, exit.stderr]).toEqual([code, stdout, expect.stringMatching(stderr)])
  })

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s ends with %i', async (signal, code) => {
    const { child, output, exit } = start(['tail', `${url}feed`])
    await expect.poll(() => output.stderr).toContain('connected')
    child.kill(signal)
    expect((await exit).code).toBe(code)
  })

  it('ends when its reader is gone', async () => {
    const { child, exit } = start(['tail', `${url}endless`, '-q'])
    child.stdout.destroy()
    await expect
      .poll(
        async () => {
          await hub.publish('endless', { data: 'x'.repeat(1000) })
          return child.exitCode
        },
        { interval: 50 },
      )
      .toBe(0)
    await exit
  })
})

describe('sse publish', () => {
  it('publishes its arguments, or lines, each once', async () => {
    const to = [`${url}publish`, '-t', 'made', '-H', 'Authorization: Bearer secret']
    const first = await run('publish', ...to, '-e', 'paid', '--json', '{"total": 12}', '--key', 'k')
    const again = await run('publish', ...to, '-e', 'paid', '--json', '{"total": 12}', '--key', 'k')
    expect([first.code, again.code, again.stdout]).toEqual([0, 0, first.stdout])
    const { child, exit } = start(['publish', ...to])
    child.stdin.end('one\ntwo\n')
    expect((await exit).stdout.trim().split('\n')).toHaveLength(2)
    const { stdout } = await run(
      'tail',
      `${url}made`,
      '-q',
      '--from',
      'earliest',
      '-o',
      'data',
      '--limit',
      '3',
    )
    expect(stdout).toBe('{"total":12}\none\ntwo\n')
  })

  it.each([
    [['x'], 3, /refused: 401 Who are you\?/],
    [['-H', 'Authorization: Bearer secret', '-t', 'a b', 'x'], 3, /refused: 400 invalid-topic/],
    [['--json', '{'], 2, /"\{" is not JSON/],
  ])('%j exits with %i', async (options, code, stderr) => {
    const exit = await run('publish', `${url}publish`, '-t', 'made', ...options)
    expect([exit.code, exit.stdout, exit.stderr]).toEqual([code, '', expect.stringMatching(stderr)])
  })

  it('reports a server that cannot be reached', async () => {
    const exit = await run('publish', `127.0.0.1:${await findFreePort()}`, 'x', '--retries', '0')
    expect([exit.code, exit.stderr]).toEqual([4, expect.stringContaining('ECONNREFUSED')])
  })
})

describe('sse serve', () => {
  async function served(args: readonly string[]): Promise<Running & { readonly url: string }> {
    const serving = start(['serve', '--port', '0', ...args])
    await expect.poll(() => serving.output.stderr).toContain('serving on')
    return { ...serving, url: /serving on (\S+)/.exec(serving.output.stderr)?.[1] ?? '' }
  }

  it('turns lines into events, gives each reader all of them, and ends with its input', async () => {
    const { child, output, exit, url: address } = await served(['--event', 'line'])
    child.stdin.write('one\ntwo\n')
    const early = run('tail', address, '-q')
    // Else the input could have ended, and the server with it, before this reader came.
    await expect.poll(() => output.stderr).toContain('a reader of lines came')
    child.stdin.write('three\n')
    const late = run('tail', address, '-q', '-o', 'data', '--limit', '3')
    expect((await late).stdout).toBe('one\ntwo\nthree\n')
    child.stdin.end()
    expect((await early).stdout.replaceAll(/,"id":"[^"]+"/g, '')).toBe(
      ['one', 'two', 'three'].map((data) => `{"event":"line","data":"${data}"}\n`).join(''),
    )
    expect((await exit).code).toBe(0)
  })

  it('accepts events as JSON with a topic, each once, and skips bad lines', async () => {
    const {
      child,
      exit,
      url: address,
    } = await served(['--json', '--id', 'data.id', '--cors', 'https://app.example'])
    child.stdin.write(
      '{"event":"paid","topic":"orders.1","data":{"id":1}}\n{"data":{"id":2}}\n{"data":{"id":2}}\nnonsense\n{"data":{}}\n',
    )
    child.stdin.write('{"topic":"orders.1","data":{"id":3}}\n')
    const { stdout } = await run('tail', `${address}?pattern=orders.*`, '-q', '-o', 'data', '--limit', '2')
    expect(stdout).toBe('{"id":1}\n{"id":3}\n')
    const response = await fetch(address, { headers: { origin: 'https://app.example' } })
    expect(response.headers.get('access-control-allow-origin')).toBe('https://app.example')
    const reading = response.text()
    child.stdin.end()
    expect((await reading).match(/^data: .*/gm)).toEqual([
      'data: {"id":2}',
      'data: {"topic":"lines","reason":"completed"}',
    ])
    const { code, stderr } = await exit
    expect(code).toBe(0)
    expect(stderr).toMatch(/line 4 is left out: not JSON[\s\S]*line 5 is left out: nothing at data\.id/)
  })

  it('reports that an address is in use', async () => {
    const exit = await run('serve', '--port', new URL(url).port)
    expect([exit.code, exit.stderr]).toEqual([
      2,
      expect.stringMatching(/another socket listens there already/),
    ])
  })
})

describe('sse record and sse replay', () => {
  it('keep a stream and its pace in a file, and serve it again', async () => {
    const recorded = await run('record', `${url}numbers`, '--until-end', '-q')
    const lines = recorded.stdout.trim().split('\n')
    expect(recorded.code).toBe(0)
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(
      [1, 2, 3].map((n) => ({
        at: expect.any(Number) as unknown,
        event: 'message',
        data: expect.objectContaining({ n }) as unknown,
        id: String(n),
      })),
    )

    const file = join(folder, 'numbers.jsonl')
    const paced = lines.map((line, index) =>
      Object.assign(JSON.parse(line) as object, { at: 1000 + index * 300 }),
    )
    await writeFile(file, paced.map((line) => JSON.stringify(line)).join('\n'))
    const served = start(['replay', file, '--port', '0', '--speed', '0'])
    const addressOf = async ({ output }: Running): Promise<string> => {
      await expect.poll(() => output.stderr).toMatch(/http:\S+/)
      return /http:\S+/.exec(output.stderr)?.[0] ?? ''
    }
    const text = await (await fetch(await addressOf(served))).text()
    expect(text.match(/"n":\d/g)).toEqual(['"n":1', '"n":2', '"n":3'])
    expect((await served.exit).code).toBe(0)
  })

  it('play a recording no faster than it was made, from when the first reader comes', async () => {
    const file = join(folder, 'slow.jsonl')
    await writeFile(file, [0, 300, 600].map((at) => JSON.stringify({ at, data: at })).join('\n'))
    const replay = start(['replay', file, '--port', '0'])
    await expect.poll(() => replay.output.stderr).toMatch(/http:\S+/)
    const startedAt = performance.now()
    const response = await fetch(/http:\S+/.exec(replay.output.stderr)?.[0] ?? '')
    expect((await response.text()).match(/^data: \d+/gm)).toEqual(['data: 0', 'data: 300', 'data: 600'])
    // Timers may be a millisecond early.
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(599)
    expect((await replay.exit).code).toBe(0)
  })
})

describe('sse check', () => {
  it('finds no errors in our hub, and reports that it resumes', async () => {
    const { code, stdout } = await run('check', `${url}feed?lastEventId=earliest`, '--max-time', '1s')
    expect(stdout).toMatch(/^200 OK, text\/event-stream: 2 events/)
    expect(stdout).toMatch(/0 errors, 0 warnings/)
    expect(code).toBe(0)
  })

  it('reports a stream that ignores Last-Event-ID, and as an error if asked to', async () => {
    const args = ['check', `${url}numbers`, '--max-time', '1s', '--json']
    const { code, stdout } = await run(...args)
    const { findings } = JSON.parse(stdout) as { findings: readonly { code: string; severity: string }[] }
    expect(findings).toContainEqual(expect.objectContaining({ code: 'resume-repeats', severity: 'warning' }))
    expect([code, (await run(...args, '--strict')).code]).toEqual([0, 1])
  })

  it.each([
    ['text', [], /error +The content type is/],
    ['feed', ['--origin', 'https://app.example'], /error +Pages of https:\/\/app\.example may not read it/],
  ])('exits with 1 for errors: %s %j', async (path, options, stdout) => {
    const exit = await run('check', `${url}${path}`, '--max-time', '500ms', ...options)
    expect([exit.code, exit.stdout]).toEqual([1, expect.stringMatching(stdout)])
  })
})

describe('sse load', () => {
  it('counts delivered events, their latency, and lost events', async () => {
    const publishing = setInterval(() => void hub.publish('load', { data: { at: Date.now() } }), 20)
    onTestFinished(() => clearInterval(publishing))
    const { code, stdout } = await run('load', `${url}load`, '-c', '30', '-d', '1s', '--json')
    const figures = JSON.parse(stdout) as Readonly<Record<string, unknown>>
    expect(figures).toMatchObject({ connections: 30, open: 30, failed: 0, ended: 0, lost: 0, repeated: 0 })
    expect(figures['events']).toBeGreaterThan(30)
    expect(figures['latencyMs']).not.toBeNull()
    expect(code).toBe(0)
  })

  it('reports failures, and exits with 1', async () => {
    const { code, stdout } = await run('load', `${url}text`, '-c', '3', '-d', '100ms')
    expect(stdout).toMatch(/0 of 3 open, 3 failed[\s\S]*3 x .*text\/event-stream/)
    expect(code).toBe(1)
  })
})
