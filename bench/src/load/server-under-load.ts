import type { Memory, Published, ServerMethods } from '../servers/server-process.ts'
import { startWorker } from '../worker/worker.ts'
import type { Counts, LoadMethods } from './load-process.ts'

/** A server in its process, its clients in another. */
export interface ServerUnderLoad extends AsyncDisposable {
  /** Opens so many more connections; @param atOnce - how many of them at the same time. */
  connect(count: number, atOnce?: number): Promise<void>
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
  /**
   * Publishes so many events without readers, and then opens connections that read them all.
   *
   * @returns the server's time from the first connection to the last event; undefined if the contender keeps no events.
   */
  replay(events: number, connections: number): Promise<{ readonly cpuMicros: number } | undefined>
  /** Publishes at a rate; @returns how long events were on their way, in milliseconds: the given parts of them all. */
  latencies(perSecond: number, durationMs: number, parts: readonly number[]): Promise<readonly number[]>
}

const usuallyAtOnce = 50

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
  const { port, replayPath } = await server.call('open', name)
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
    async connect(count, atOnce = usuallyAtOnce) {
      await load.call('connect', { port, path: '/events', atOnce }, count)
      connections += count
    },
    async replay(events, count) {
      if (replayPath === undefined) return undefined
      await server.call('publish', { connections: 0, eventsPerTurn: events, durationMs: 0 })
      await load.call('beginCounts')
      const before = await server.call('cpuMicros')
      await load.call('connect', { port, path: replayPath, atOnce: usuallyAtOnce }, count)
      await load.call('untilEvents', events * count)
      const cpuMicros = (await server.call('cpuMicros')) - before
      await load.call('verify', events)
      return { cpuMicros }
    },
    async latencies(perSecond, durationMs, parts) {
      await load.call('beginArrivals')
      await load.call('beginCounts')
      const publishedAt = await server.call('publishAtRate', perSecond, durationMs)
      await load.call('untilEvents', publishedAt.length * connections)
      const firstSeq = nextSeq
      nextSeq += publishedAt.length
      await load.call('verify', nextSeq)
      return load.call('latencies', publishedAt, firstSeq, parts)
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
