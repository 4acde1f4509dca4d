import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { OptionError, TimeoutError } from '@sse-toolkit/testing'
import { ProcessError } from './errors/process-error.ts'

/** How much of each output stream is kept: the newest. */
const MAX_OUTPUT_CHARACTERS = 1024 * 1024

export interface ProcessOptions {
  /** For Node: the program file and what follows it. */
  args: readonly string[]
  /** Default: the Node that runs the test, with `nodeArgs` and tied to the test's life. */
  command?: string
  /** Before the program file. Default `['--conditions=@sse-toolkit/source']`. Only without `command`. */
  nodeArgs?: readonly string[]
  /** Added to the test's own environment; undefined removes a variable. */
  env?: Readonly<Record<string, string | undefined>>
  cwd?: string
  /** When its standard output matches, the process is ready. Default: once it was started. */
  ready?: RegExp | ((stdout: string) => boolean)
  /** Default 30 s, as long as a busy machine may need; the process is killed then. */
  readyTimeoutMs?: number
}

export interface ProcessExit {
  /** Null when a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface StartedProcess extends AsyncDisposable {
  readonly pid: number
  /** What it wrote so far (the newest million characters). */
  readonly stdout: string
  readonly stderr: string
  /** Resolves when it is gone and its output is read to the end. */
  readonly exited: Promise<ProcessExit>
  /**
   * Resolves when its standard output, from the start, matches.
   *
   * @throws {@link ProcessError} `code: 'exited-early'`
   * @throws TimeoutError after `timeoutMs` (default 30 s)
   */
  untilStdout(pattern: RegExp | ((stdout: string) => boolean), timeoutMs?: number): Promise<void>
  /** Sends the signal (default SIGKILL) and waits until the process is gone. */
  kill(signal?: NodeJS.Signals): Promise<ProcessExit>
  /**
   * Asks it to stop and gives how it exited.
   *
   * @param options - `signal` default SIGTERM; `timeoutMs` default 5 s.
   * @throws {@link ProcessError} `code: 'did-not-stop'`: it had to be killed.
   */
  stop(options?: { signal?: NodeJS.Signals; timeoutMs?: number }): Promise<ProcessExit>
}

/** Those that are still there when the test's process exits. */
const running = new Set<ChildProcess>()
let killsAtExit = false

/**
 * Starts a real process and waits until it is ready.
 *
 * It never outlives the test: `await using` or `Symbol.asyncDispose` kills it, so does the exit of the test's
 * process, and a Node process also notices by itself when a SIGKILL took the test's process away.
 *
 * @throws {@link ProcessError} `code: 'spawn-failed'`, or `'exited-early'` when it ends before it is ready
 * @throws TimeoutError when it is not ready in time; both texts hold its output
 * @example
 * ```ts
 * await using server = await startProcess({ args: ['server.ts'], ready: /listening/ })
 * await server.kill('SIGKILL')
 * ```
 */
export async function startProcess(options: ProcessOptions): Promise<StartedProcess> {
  const { args, command, nodeArgs = ['--conditions=@sse-toolkit/source'], cwd, ready } = options
  const { readyTimeoutMs = 30_000 } = options
  if (!(readyTimeoutMs > 0)) throw new OptionError('readyTimeoutMs', readyTimeoutMs, 'above 0')

  const lifeline = ['--import', new URL('lifeline.ts', import.meta.url).href]
  const child = spawn(
    command ?? process.execPath,
    command === undefined ? [...nodeArgs, ...lifeline, ...args] : args,
    {
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe', command === undefined ? 'pipe' : 'ignore'],
      ...(cwd === undefined ? {} : { cwd }),
    },
  )
  killAtExit(child)

  const output = { stdout: '', stderr: '' }
  const watchers = new Set<() => void>()
  const notify = (): void => watchers.forEach((watcher) => watcher())
  const collect = (name: 'stdout' | 'stderr', stream: Readable | null): void => {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output[name] = (output[name] + text).slice(-MAX_OUTPUT_CHARACTERS)
      notify()
    })
  }
  collect('stdout', child.stdout)
  collect('stderr', child.stderr)

  let hasExited = false
  const exited = new Promise<ProcessExit>((resolve) => {
    child.once('close', (code, signal) => {
      hasExited = true
      running.delete(child)
      resolve({ code, signal })
      notify()
    })
  })

  try {
    await once(child, 'spawn')
  } catch (cause) {
    running.delete(child)
    throw new ProcessError('spawn-failed', `${describe()} could not be started`, output, { cause })
  }
  const { pid } = child
  if (pid === undefined) throw new ProcessError('spawn-failed', `${describe()} has no process id`, output)

  function describe(): string {
    return [command ?? 'node', ...args].join(' ')
  }

  async function untilStdout(
    pattern: RegExp | ((stdout: string) => boolean),
    timeoutMs = 30_000,
  ): Promise<void> {
    const matches = typeof pattern === 'function' ? pattern : (text: string) => text.search(pattern) !== -1
    const { promise: seen, resolve, reject } = Promise.withResolvers<void>()
    const watcher = (): void => {
      if (matches(output.stdout)) resolve()
      else if (hasExited) {
        const how = child.signalCode ?? `code ${child.exitCode}`
        const text = `${describe()} exited (${how}) before its output matched ${String(pattern)}`
        reject(new ProcessError('exited-early', text, output))
      }
    }
    const timer = setTimeout(() => {
      const instead = `stdout ${JSON.stringify(output.stdout)}, stderr ${JSON.stringify(output.stderr)}`
      reject(new TimeoutError(`${String(pattern)} from ${describe()}`, timeoutMs, instead))
    }, timeoutMs)
    watchers.add(watcher)
    watcher()
    try {
      await seen
    } finally {
      clearTimeout(timer)
      watchers.delete(watcher)
    }
  }

  async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<ProcessExit> {
    child.kill(signal)
    return exited
  }

  async function stop({
    signal,
    timeoutMs,
  }: { signal?: NodeJS.Signals; timeoutMs?: number } = {}): Promise<ProcessExit> {
    child.kill(signal ?? 'SIGTERM')
    const deadlineMs = timeoutMs ?? 5_000
    let late = false
    const timer = setTimeout(() => {
      late = true
      child.kill('SIGKILL')
    }, deadlineMs)
    const exit = await exited
    clearTimeout(timer)
    if (late)
      throw new ProcessError(
        'did-not-stop',
        `${describe()} still ran ${deadlineMs} ms after ${signal ?? 'SIGTERM'}`,
        output,
      )
    return exit
  }

  if (ready !== undefined)
    try {
      await untilStdout(ready, readyTimeoutMs)
    } catch (error) {
      await kill()
      throw error
    }

  return {
    pid,
    get stdout() {
      return output.stdout
    },
    get stderr() {
      return output.stderr
    },
    exited,
    untilStdout,
    kill,
    stop,
    async [Symbol.asyncDispose]() {
      await kill()
    },
  }
}

function killAtExit(child: ChildProcess): void {
  running.add(child)
  if (killsAtExit) return
  killsAtExit = true
  process.once('exit', () => {
    for (const each of running) each.kill('SIGKILL')
  })
}
