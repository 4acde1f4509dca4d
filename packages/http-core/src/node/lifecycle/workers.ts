import cluster from 'node:cluster'
import type { Worker } from 'node:cluster'
import { availableParallelism } from 'node:os'
import { checkFunction, checkRequired } from '../../options/check-options.ts'
import { OptionError } from '../../errors/option-error.ts'
import { WorkerError } from '../../errors/worker-error.ts'
import { checkCloseOptions } from './close-options.ts'
import type { CloseOptions } from './close-options.ts'
import type { Closable } from './server-types.ts'

/** See {@link runWorkers}. */
export interface WorkersOptions extends CloseOptions {
  /** How many worker processes to run. @defaultValue `os.availableParallelism()` */
  readonly workers?: number
  /** Creates the server of one worker and calls its `listen()`. Runs in each worker. */
  readonly start: () => Promise<Closable>
  /** Called in the primary when a worker listens. */
  readonly onListening?: (workerId: number) => void
  /** Called in the primary when a worker crashes. The primary starts another worker in its place. */
  readonly onCrash?: (workerId: number, exitCode: number | undefined) => void
}

const stopMessage = 'sse-toolkit.http-core.stop'
/** If this many workers in a row end before they listen, the program itself is broken. */
const maxFalseStarts = 5

/**
 * Serves one port with several processes, using node:cluster. The primary accepts connections and distributes them to the
 * workers. Without a primary, processes can share a port with `reusePort: 'on'`; the kernel then distributes the
 * connections. Processes share no memory, so a hub needs a shared log, such as the one on Redis.
 *
 * The primary replaces a worker that crashes. On SIGINT or SIGTERM it tells each worker to stop cleanly; a second signal
 * kills the workers. The promise resolves in the primary when all workers have ended, and in a worker when its server has
 * stopped. A worker also stops if its primary dies.
 *
 * @throws {@link OptionError} naming the option.
 * @throws {@link WorkerError} `code: 'crash-loop'` if five workers in a row end before they listen.
 * @see examples/processes
 */
export async function runWorkers(options: WorkersOptions): Promise<void> {
  checkRequired('start', options.start)
  checkFunction('onListening', options.onListening)
  checkFunction('onCrash', options.onCrash)
  checkCloseOptions(options)
  if (cluster.isPrimary) await runPrimary(options)
  else await runWorker(options)
}

async function runWorker({ start, ...closeOptions }: WorkersOptions): Promise<void> {
  // Terminals and some service managers signal the whole process group, but only the primary decides when a worker stops.
  for (const signal of signals) process.on(signal, ignore)
  const told = new Promise<void>((resolve) => {
    process.on('message', (message) => {
      if (message === stopMessage) resolve()
    })
    process.once('disconnect', resolve)
  })
  const server = await start()
  await told
  await server.close(closeOptions)
  // The open channel to the primary would keep the process alive.
  if (process.connected) process.disconnect()
}

const signals = ['SIGINT', 'SIGTERM'] as const

function ignore(): void {}

async function runPrimary({
  workers = availableParallelism(),
  onListening,
  onCrash,
}: WorkersOptions): Promise<void> {
  if (!(Number.isSafeInteger(workers) && workers >= 1)) {
    throw new OptionError('workers', workers, 'an integer of at least 1')
  }
  const running = new Set<Worker>()
  const begun = new WeakSet<Worker>()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let falseStarts = 0
  let isStopping = false
  let failure: WorkerError | undefined

  const fork = (): void => {
    running.add(cluster.fork())
  }
  const stop = (): void => {
    if (isStopping) {
      for (const worker of running) worker.process.kill('SIGKILL')
      return
    }
    isStopping = true
    for (const worker of running) if (worker.isConnected()) worker.send(stopMessage)
  }
  const onExit = (worker: Worker, exitCode: number | null): void => {
    if (!running.delete(worker)) return
    if (!isStopping) {
      onCrash?.(worker.id, exitCode ?? undefined)
      falseStarts = begun.has(worker) ? 0 : falseStarts + 1
      if (falseStarts < maxFalseStarts) {
        fork()
        return
      }
      failure = new WorkerError('crash-loop', exitCode ?? undefined)
      stop()
    }
    if (running.size > 0) return
    if (failure === undefined) resolve()
    else reject(failure)
  }
  const listening = (worker: Worker): void => {
    begun.add(worker)
    onListening?.(worker.id)
  }
  cluster.on('exit', onExit).on('listening', listening)
  for (const signal of signals) process.on(signal, stop)
  for (let count = 0; count < workers; count += 1) fork()
  try {
    await promise
  } finally {
    cluster.off('exit', onExit).off('listening', listening)
    for (const signal of signals) process.off(signal, stop)
  }
}
