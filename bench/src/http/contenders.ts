import type { Contender } from '../benchmark.ts'
import type { HttpServer } from './http-server.ts'

interface HttpContender extends Contender {
  readonly load: () => Promise<{ readonly open: () => Promise<HttpServer> }>
}

export const bareNodeHttp = 'bare node:http'
export const fastify = 'Fastify'
export const hono = 'Hono'

const betterSse: HttpContender = {
  name: 'better-sse',
  packages: ['better-sse'],
  load: () => import('./better-sse.ts'),
}

const routers: readonly HttpContender[] = [
  {
    name: 'http-core',
    packages: ['@sse-toolkit/http-core', '@sse-toolkit/sse-server'],
    load: () => import('./http-core.ts'),
  },
  { name: fastify, packages: ['fastify', '@fastify/sse'], load: () => import('./fastify.ts') },
  { name: hono, packages: ['hono', '@hono/node-server'], load: () => import('./hono.ts') },
  { name: 'h3', packages: ['h3'], load: () => import('./h3.ts') },
  { name: bareNodeHttp, packages: [], load: () => import('./node-http.ts') },
]

const srvx: HttpContender = { name: 'srvx', packages: ['srvx'], load: () => import('./srvx.ts') }

export const helloContenders: readonly HttpContender[] = [...routers, srvx]
export const streamContenders: readonly HttpContender[] = [...routers, betterSse]
export const httpContenders: readonly HttpContender[] = [...routers, betterSse, srvx]
