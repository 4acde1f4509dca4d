import type { Contender } from '../benchmark.ts'
import type { PublishingServer } from './publishing-server.ts'

interface ServerContender extends Contender {
  /** Loads nothing but what this contender needs: what others bring along would be in its memory. */
  readonly load: () => Promise<{ readonly open: () => Promise<PublishingServer> }>
}

export const bareNodeHttp = 'bare node:http'
export const betterSse = 'better-sse'

export const serverContenders: readonly ServerContender[] = [
  {
    name: 'hub on node:http',
    packages: ['@sse-toolkit/sse-server'],
    load: () => import('./hub-on-node-http.ts'),
  },
  {
    name: 'hub on http-core',
    packages: ['@sse-toolkit/sse-server', '@sse-toolkit/http-core'],
    load: () => import('./hub-on-http-core.ts'),
  },
  { name: betterSse, packages: ['better-sse'], load: () => import('./better-sse.ts') },
  {
    name: 'Hono streamSSE',
    packages: ['hono', '@hono/node-server'],
    load: () => import('./hono.ts'),
  },
  { name: bareNodeHttp, packages: [], load: () => import('./node-http.ts') },
  { name: 'bare node:net', packages: [], load: () => import('./node-net.ts') },
]
