import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { Contender } from '../benchmark.ts'
import { nchanModule } from './nchan.ts'
import type { PublishingServer } from './publishing-server.ts'

interface ServerContender extends Contender {
  /** Loads nothing but what this contender needs: what others bring along would be in its memory. */
  readonly load: () => Promise<{ readonly open: () => Promise<PublishingServer> }>
}

export const bareNodeHttp = 'bare node:http'
export const betterSse = 'better-sse'
export const nchan = 'nchan, nginx (C)'
export const kernelFloor = 'write loop (C)'

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
  { name: '@fastify/sse', packages: ['@fastify/sse', 'fastify'], load: () => import('./fastify.ts') },
  { name: 'h3 EventStream', packages: ['h3'], load: () => import('./h3.ts') },
  { name: bareNodeHttp, packages: [], load: () => import('./node-http.ts') },
  { name: 'bare node:net', packages: [], load: () => import('./node-net.ts') },
  {
    name: nchan,
    packages: [],
    missing: existsSync(nchanModule)
      ? undefined
      : 'needs nginx with nchan (apt: nginx-light libnginx-mod-nchan)',
    load: () => import('./nchan.ts'),
  },
  {
    name: kernelFloor,
    packages: [],
    missing: spawnSync('cc', ['--version']).status === 0 ? undefined : 'needs a C compiler (apt: gcc)',
    load: () => import('./kernel-floor.ts'),
  },
]

/** Those that keep events. */
const keeping = new Set(['hub on node:http', 'hub on http-core', bareNodeHttp, nchan])
export const replayContenders: readonly ServerContender[] = serverContenders.filter(({ name }) =>
  keeping.has(name),
)
