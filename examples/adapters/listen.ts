import { once } from 'node:events'
import type { Server as HttpServer } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import type { RunningExample } from './story.ts'

/** Listens on a free port of loopback. `close` also ends what is open. */
export async function listen(server: Server, scheme: 'http' | 'https' = 'http'): Promise<RunningExample> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `${scheme}://127.0.0.1:${port}`,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      if ('closeAllConnections' in server) (server as HttpServer).closeAllConnections()
      await closed
    },
  }
}
