import { FastResponse, serve } from 'srvx'
import { host } from '../servers/publishing-server.ts'
import { userOf } from './http-server.ts'
import type { HttpServer, NewUser } from './http-server.ts'

/** It has no router: paths are compared by hand, as with bare node:http. */
export async function open(): Promise<HttpServer> {
  const server = serve({
    hostname: host,
    port: 0,
    silent: true,
    fetch: async (request) => {
      const { pathname } = new URL(request.url)
      const id =
        pathname === '/users' ? ((await request.json()) as NewUser).id : pathname.slice('/users/'.length)
      return new FastResponse(JSON.stringify(userOf(id)), { headers: { 'content-type': 'application/json' } })
    },
  })
  await server.ready()
  return { port: Number(new URL(server.url ?? '').port) }
}
