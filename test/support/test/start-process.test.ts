import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startProcess } from '../src/index.ts'

let folder: string
const program = (name: string): string => join(folder, name)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'start-process-'))
  await writeFile(
    program('server.ts'),
    `const timer = setInterval(() => {}, 1000)
     process.on('SIGINT', () => { clearInterval(timer); console.log('bye'); process.exitCode = 7 })
     process.on('SIGUSR2', () => console.log('poked'))
     console.error('a complaint')
     const text: string = 'ready on ' + process.env.GREETING
     console.log(text)`,
  )
  await writeFile(
    program('stubborn.ts'),
    `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('up')`,
  )
  await writeFile(program('failing.ts'), `console.log('half way'); console.error('boom'); process.exit(3)`)
  await writeFile(program('conditions.ts'), `console.log(process.execArgv.join(' '))`)
  // Starts another process as a test would, and is then killed without a chance to clean up.
  await writeFile(
    program('parent.ts'),
    `import { startProcess } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)}
     const child = await startProcess({ args: [process.argv[2]!], ready: /ready/ })
     console.log('child ' + child.pid)`,
  )
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

/** A killed process whose new parent has not asked for its exit yet is a zombie (state Z): it runs no more. */
function isRunning(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' })
  return stdout.trim() !== '' && !stdout.trim().startsWith('Z')
}

describe('a started process', () => {
  it('is ready when its output matches, and keeps both outputs', async () => {
    await using started = await startProcess({
      args: [program('server.ts')],
      env: { GREETING: 'time' },
      ready: /ready on (\w+)/,
    })
    expect(started.stdout).toBe('ready on time\n')
    await expect.poll(() => started.stderr).toBe('a complaint\n')
    expect(isRunning(started.pid)).toBe(true)
  })

  it('stops on the signal asked for and gives its exit code', async () => {
    const started = await startProcess({ args: [program('server.ts')], ready: /ready/ })
    expect(await started.stop({ signal: 'SIGINT' })).toEqual({ code: 7, signal: null })
    expect(started.stdout).toContain('bye')
    expect(isRunning(started.pid)).toBe(false)
  })

  it('is killed at once by SIGKILL', async () => {
    const started = await startProcess({ args: [program('stubborn.ts')], ready: /up/ })
    expect(await started.kill()).toEqual({ code: null, signal: 'SIGKILL' })
    expect(await started.exited).toEqual({ code: null, signal: 'SIGKILL' })
  })

  it('is killed when it does not stop, and the caller gets an error', async () => {
    const started = await startProcess({ args: [program('stubborn.ts')], ready: /up/ })
    await expect(started.stop({ timeoutMs: 100 })).rejects.toMatchObject({ code: 'did-not-stop' })
    expect(isRunning(started.pid)).toBe(false)
  })

  it('can be waited for again, for later output', async () => {
    await using started = await startProcess({ args: [program('server.ts')], ready: /ready/ })
    process.kill(started.pid, 'SIGUSR2')
    await started.untilStdout(/poked/)
    await expect(started.untilStdout(/never/, 50)).rejects.toMatchObject({ code: 'timeout' })
  })

  it('runs from source by default', async () => {
    const started = await startProcess({ args: [program('conditions.ts')] })
    await started.exited
    expect(started.stdout).toContain('--conditions=@sse-toolkit/source')
  })

  it('can be any program', async () => {
    const started = await startProcess({
      command: '/bin/sh',
      args: ['-c', 'echo $0 ready; exit 4'],
      ready: /ready/,
    })
    expect(await started.exited).toEqual({ code: 4, signal: null })
  })
})

describe('a process that does not start', () => {
  it('is reported with its exit code and output', async () => {
    await expect(startProcess({ args: [program('failing.ts')], ready: /ready/ })).rejects.toMatchObject({
      code: 'exited-early',
      message: expect.stringMatching(/\(code 3\)[^]*half way[^]*boom/) as string,
    })
  })

  it('is killed at the deadline', async () => {
    const attempt = startProcess({ args: [program('stubborn.ts')], ready: /never/, readyTimeoutMs: 500 })
    await expect(attempt).rejects.toMatchObject({ code: 'timeout', timeoutMs: 500 })
  })

  it('that does not exist is reported with its cause', async () => {
    await expect(startProcess({ command: '/no/such/program', args: [] })).rejects.toMatchObject({
      code: 'spawn-failed',
      cause: { code: 'ENOENT' },
    })
  })
})

it('leaves no orphan when the process that started it is killed', async () => {
  const parent = await startProcess({
    args: [program('parent.ts'), program('server.ts')],
    ready: /child \d+/,
  })
  const childPid = Number(/child (\d+)/.exec(parent.stdout)?.[1])
  expect(isRunning(childPid)).toBe(true)
  await parent.kill('SIGKILL')
  await expect.poll(() => isRunning(childPid)).toBe(false)
})
