import type { Memory, Published, ServerMethods } from '../servers/server-process.ts'
import { startWorker } from '../worker/worker.ts'
import type { Counts, LoadMethods } from './load-process.ts'

/** A server in its process, its clients in another. */
export interface ServerUnderLoad extends AsyncDisposable {
  /** Opens so many more connections. */
  connect(count: number): Promise<void>
  /**
   * Publishes for a time, and checks that each connection got each event once and in order.
   *
   * @throws {@link WorkerError} if one did not.
   */
  publish(
    eventsPerTurn: number,
    durationMs: number,
  ): Promise<{ readonly published: Published; readonly counts: Counts }>
  /** Of the server, after garbage collection. */
  memory(): Promise<Memory>
}

export async function startServerUnderLoad(
  name: string,
  profileDirectory: string | undefined,
): Promise<ServerUnderLoad> {
  await using started = new AsyncDisposableStack()
  const server = started.use(
    startWorker<ServerMethods>({
      name: 'server',
      entry: new URL('../servers/server-process.ts', import.meta.url),
      core: 0,
      profileDirectory,
    }),
  )
  const port = await server.call('open', name)
  const load = started.use(
    startWorker<LoadMethods>({
      name: 'load',
      entry: new URL('load-process.ts', import.meta.url),
      core: 1,
      onNotice: (events) => server.notify('arrived', Number(events)),
    }),
  )
  const workers = started.move()
  let connections = 0
  let nextSeq = 0
  return {
    async connect(count) {
      await load.call('connect', port, count)
      connections += count
    },
    async publish(eventsPerTurn, durationMs) {
      await load.call('beginCounts')
      const published = await server.call('publish', { connections, eventsPerTurn, durationMs })
      const counts = await load.call('counts')
      nextSeq += published.events
      await load.call('verify', nextSeq)
      return { published, counts }
    },
    memory: () => server.call('memory'),
    [Symbol.asyncDispose]: () => workers.disposeAsync(),
  }
}
