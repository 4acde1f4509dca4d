import { fork, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { WorkerError } from '../errors/worker-error.ts'
import type { AnswerMessage, CallMessage, Methods } from './protocol.ts'

/** Contenders have core 0 for themselves, what loads them core 1. */
type Core = 0 | 1

export interface WorkerOptions {
  /** The worker's name in errors. */
  readonly name: string
  readonly entry: URL
  readonly core: Core
  /** Where it writes a CPU profile when it ends. Absent: it writes none. */
  readonly profileDirectory?: string | undefined
  readonly onNotice?: ((notice: unknown) => void) | undefined
}

/** Another process, and its methods. */
export interface Worker<M extends Methods<M>> extends AsyncDisposable {
  /** @throws {@link WorkerError} after which the worker is of no more use, unless the `code` is `'failed'`. */
  call<Name extends keyof M & string>(
    method: Name,
    ...args: Parameters<M[Name]>
  ): Promise<Awaited<ReturnType<M[Name]>>>
  /** Calls without waiting for an answer. */
  notify<Name extends keyof M & string>(method: Name, ...args: Parameters<M[Name]>): void
}

// No call is meant to take longer than some seconds; what does hangs.
const callTimeoutMs = 30_000
const exitTimeoutMs = 5000
const keptStderrLength = 4000

/** Whether processes can be bound to a core here. */
export const canPin: boolean = spawnSync('taskset', ['-c', '0', 'true']).status === 0

/** Starts a process of its own, bound to a core where the system lets us. */
export function startWorker<M extends Methods<M>>(options: WorkerOptions): Worker<M> {
  const nodeOptions = [
    '--conditions=@sse-toolkit/source',
    '--expose-gc',
    ...(options.profileDirectory === undefined
      ? []
      : ['--cpu-prof', `--cpu-prof-dir=${options.profileDirectory}`]),
  ]
  const child = fork(fileURLToPath(options.entry), [], {
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    ...(canPin
      ? { execPath: 'taskset', execArgv: ['-c', String(options.core), process.execPath, ...nodeOptions] }
      : { execArgv: nodeOptions }),
  })
  return new ForkedWorker<M>(child, options)
}

interface PendingCall {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: WorkerError) => void
}

class ForkedWorker<M extends Methods<M>> implements Worker<M> {
  readonly #child: ChildProcess
  readonly #name: string
  readonly #onNotice: ((notice: unknown) => void) | undefined
  readonly #pending = new Map<number, PendingCall>()
  readonly #exited: Promise<void>
  #stderr = ''
  #lastId = 0
  #failure: WorkerError | null = null

  constructor(child: ChildProcess, options: WorkerOptions) {
    this.#child = child
    this.#name = options.name
    this.#onNotice = options.onNotice
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-keptStderrLength)
    })
    child.on('message', (message: AnswerMessage) => this.#receive(message))
    child.on('error', (error) => this.#fail(new WorkerError('exited', this.#name, error.message)))
    this.#exited = this.#watchExit()
  }

  async call<Name extends keyof M & string>(
    method: Name,
    ...args: Parameters<M[Name]>
  ): Promise<Awaited<ReturnType<M[Name]>>> {
    if (this.#failure !== null) throw this.#failure
    const id = (this.#lastId += 1)
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#pending.set(id, { resolve, reject })
    const timer = setTimeout(() => {
      this.#child.kill('SIGKILL')
      this.#fail(
        new WorkerError('timed-out', this.#name, `${method} did not end within ${callTimeoutMs / 1000} s`),
      )
    }, callTimeoutMs)
    this.#send({ id, method, args })
    try {
      return (await promise) as Awaited<ReturnType<M[Name]>>
    } finally {
      clearTimeout(timer)
      this.#pending.delete(id)
    }
  }

  notify<Name extends keyof M & string>(method: Name, ...args: Parameters<M[Name]>): void {
    if (this.#failure === null) this.#send({ method, args })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.connected) this.#child.disconnect()
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), exitTimeoutMs)
    await this.#exited
    clearTimeout(timer)
  }

  async #watchExit(): Promise<void> {
    // Not 'close', which never comes after `disconnect()`. stderr is read to its end, since it may say why.
    const closed = Promise.withResolvers<void>()
    if (this.#child.stderr === null) closed.resolve()
    else this.#child.stderr.on('close', closed.resolve)
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
      this.#child.on('exit', (...status) => resolve(status))
      // It was never started.
      this.#child.on('error', () => resolve([null, null]))
    })
    await closed.promise
    const reason = errorLine(this.#stderr)
    const text = `exited with ${signal ?? code}${reason === undefined ? '' : `: ${reason}`}`
    this.#fail(new WorkerError('exited', this.#name, text))
  }

  #send(message: CallMessage): void {
    // Sending fails only if the process is ending. Its exit then fails the call, with the reason.
    this.#child.send(message, () => {})
  }

  #receive(message: AnswerMessage): void {
    if ('notice' in message) {
      this.#onNotice?.(message.notice)
      return
    }
    const pending = this.#pending.get(message.id)
    if ('error' in message) pending?.reject(new WorkerError('failed', this.#name, message.error))
    else pending?.resolve(message.result)
  }

  #fail(error: WorkerError): void {
    this.#failure ??= error
    for (const { reject } of this.#pending.values()) reject(this.#failure)
  }
}

/** The line of Node's report of an uncaught error that says what it was. */
function errorLine(stderr: string): string | undefined {
  return stderr.split('\n').find((line) => /^\w*Error\b.*:/.test(line))
}
