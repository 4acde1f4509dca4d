/**
 * An MCP server whose tool calls survive the network. A tool works for a while and reports its progress, and the
 * client's connection breaks. The client resumes, the server replays the stored messages, and the call gets each report once,
 * and its result.
 *
 * The event store is the hub's log, so it can also be a file or Redis; then another process can answer the resumed request.
 */
import assert from 'node:assert/strict'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { McpServer, WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/server'
import { createServer } from '@sse-toolkit/http-core/node'
import { memoryLog } from '@sse-toolkit/sse-server'
import { mcpEventStore } from '@sse-toolkit/sse-server/mcp'
import { startFaultProxy } from '@sse-toolkit/testing/node'

const steps = ['fetched', 'compiled', 'tested', 'deployed']
const log = memoryLog()
const goOn = Promise.withResolvers<void>()

// The server: one session, since this program has one client.
const sessionId = crypto.randomUUID()
const mcp = new McpServer({ name: 'builder', version: '1.0.0' }, { capabilities: { logging: {} } })
mcp.registerTool('deploy', { description: 'Deploys the newest commit' }, async ({ mcpReq }) => {
  for (const [index, step] of steps.entries()) {
    if (index === 2) await goOn.promise
    await mcpReq.notify({ method: 'notifications/message', params: { level: 'info', data: step } })
  }
  return { content: [{ type: 'text', text: 'It is live.' }] }
})
const transport = new WebStandardStreamableHTTPServerTransport({
  sessionIdGenerator: () => sessionId,
  eventStore: mcpEventStore({ log, sessionId }),
})
await mcp.connect(transport)
const server = createServer({ port: 0, fetch: (request) => transport.handleRequest(request) })
await server.listen()

// The network between the two.
const network = await startFaultProxy({ target: { port: server.port ?? 0 } })

// The client, of the SDK.
const reported: string[] = []
const client = new Client({ name: 'example', version: '1.0.0' })
client.fallbackNotificationHandler = async ({ params }) => void reported.push(String(params?.['data']))
await client.connect(
  new StreamableHTTPClientTransport(new URL('/mcp', network.url), {
    reconnectionOptions: {
      initialReconnectionDelay: 50,
      maxReconnectionDelay: 500,
      reconnectionDelayGrowFactor: 1.5,
      maxRetries: 20,
    },
  }),
)

const call = client.callTool({ name: 'deploy' })
while (reported.length < 2)
  await new Promise((resolve) => {
    setTimeout(resolve, 5)
  })

// The network is gone, and the tool keeps working.
await network.refuse()
network.cutAll('rst')
goOn.resolve()
await new Promise((resolve) => {
  setTimeout(resolve, 100)
})
await network.accept()

const { content } = await call
assert.deepEqual(content, [{ type: 'text', text: 'It is live.' }])
assert.deepEqual(reported, steps)

await client.close()
await mcp.close()
await network.close()
await server.close({ timeoutMs: 0 })
await log.close()
console.log('ok')
