import { startWorker } from '../worker/worker.ts'
import type { Worker } from '../worker/worker.ts'
import type { HttpLoadMethods } from './http-load-process.ts'
import type { HttpServerMethods } from './http-server-process.ts'

/** A server in its process, and one that asks it in another. */
export interface HttpServerUnderLoad extends AsyncDisposable {
  readonly port: number
  readonly server: Worker<HttpServerMethods>
  readonly load: Worker<HttpLoadMethods>
}

export async function startHttpServer(
  name: string,
  profileDirectory: string | undefined,
): Promise<HttpServerUnderLoad> {
  await using started = new AsyncDisposableStack()
  const server = started.use(
    startWorker<HttpServerMethods>({
      name: 'server',
      entry: new URL('http-server-process.ts', import.meta.url),
      core: 0,
      profileDirectory,
    }),
  )
  const load = started.use(
    startWorker<HttpLoadMethods>({
      name: 'load',
      entry: new URL('http-load-process.ts', import.meta.url),
      core: 1,
    }),
  )
  const port = await server.call('open', name)
  const workers = started.move()
  return { port, server, load, [Symbol.asyncDispose]: () => workers.disposeAsync() }
}
