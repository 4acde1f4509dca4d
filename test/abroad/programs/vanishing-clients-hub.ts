/**
 * A hub behind http-core and behind node:http, that says who comes and goes.
 *
 *     node vanishing-clients-hub.ts <address> <port of http-core> <port of node:http>
 */
import { createServer as createNodeServer } from 'node:http'
import { createServer } from '@sse-toolkit/http-core/node'
import { createHub } from '@sse-toolkit/sse-server'
import type { Hub } from '@sse-toolkit/sse-server'
import { subscribeNode } from '@sse-toolkit/sse-server/node'

const [hostname = '', corePort, nodePort] = process.argv.slice(2)
const overCore = createHub({ heartbeatIntervalMs: 1000 })
const overNode = createHub({ heartbeatIntervalMs: 1000 })
const topics = ['news']

await createServer({
  hostname,
  port: Number(corePort),
  tcpUserTimeoutMs: 3000,
  fetch: (request) => overCore.subscribe(request, { topics }),
}).listen()
createNodeServer((req, res) => void subscribeNode(overNode, req, res, { topics })).listen(
  Number(nodePort),
  hostname,
)

let said = ''
function say(name: string, hub: Hub): string {
  const { connections, closed } = hub.stats()
  return `${name}: ${connections} open, ${closed.client} left`
}
setInterval(() => {
  const now = `${say('http-core', overCore)}; ${say('node:http', overNode)}`
  if (now !== said) console.log(now)
  said = now
}, 100)
