/**
 * An MCP server whose sessions are on Redis, as one of several processes. Prints `listening on <url>`, and `stored result`
 * when the result of a call can be had from any process.
 *
 * Arguments: `sdk 1` or `sdk 2`, and Redis' URL.
 */
import { redisLog } from '@sse-toolkit/sse-redis'
import { startMcpServer } from '../mcp-server.ts'
import { mcpSdks } from '../mcp-sdks.ts'

const [sdk = '', url = ''] = process.argv.slice(2)
const { url: mcpUrl } = await startMcpServer({
  sdk: mcpSdks[sdk === 'sdk 1' ? 'sdk 1' : 'sdk 2'],
  log: redisLog({ url, namespace: 'mcp' }),
  async work({ notify, closeStream }) {
    for (let step = 0; step < 6; step += 1) {
      await notify(String(step))
      if (step === 2) closeStream()
    }
    return 'done'
  },
  onStored(message) {
    const { result } = message as { result?: { content?: unknown } }
    if (result?.content !== undefined) console.log('stored result')
  },
})
console.log(`listening on ${mcpUrl}`)
