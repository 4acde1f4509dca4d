/**
 * A React page with live prices, served and compiled by Vite. The hub is a middleware of Vite's server, as it would be one of Express.
 *
 *     GET /         the page
 *     GET /prices   the stream
 */
import { fileURLToPath } from 'node:url'
import { createHub } from '@sse-toolkit/sse-server'
import type { Hub } from '@sse-toolkit/sse-server'
import { subscribeNode } from '@sse-toolkit/sse-server/node'
import { createServer } from 'vite'

export interface PriceServer {
  readonly url: string
  readonly hub: Hub
  readonly close: () => Promise<void>
}

export async function startServer(port = 5173): Promise<PriceServer> {
  const hub = createHub({ reconnectionTimeMs: 100 })
  const vite = await createServer({
    root: fileURLToPath(new URL('.', import.meta.url)),
    configFile: false,
    logLevel: 'error',
    server: { host: '127.0.0.1', port, strictPort: true },
    plugins: [
      {
        name: 'prices',
        configureServer({ middlewares }) {
          middlewares.use('/prices', (req, res) => void subscribeNode(hub, req, res, { topics: ['prices'] }))
        },
      },
    ],
  })
  await vite.listen()
  return {
    url: `http://127.0.0.1:${port}/`,
    hub,
    async close() {
      await hub.close()
      await vite.close()
    },
  }
}
