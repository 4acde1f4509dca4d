import { createServer } from '@sse-toolkit/http-core/node'
import type { EventLog } from '@sse-toolkit/sse-server'
import { mcpEventStore } from '@sse-toolkit/sse-server/mcp'
import type { McpEventStore } from '@sse-toolkit/sse-server/mcp'
import type { McpSdk, McpSession, Work } from './mcp-sdks.ts'

interface McpServerOptions {
  readonly sdk: McpSdk
  readonly log: EventLog
  readonly work: (work: Work) => Promise<string>
  /** Called for each message that was stored. */
  readonly onStored?: ((message: object) => void) | undefined
}

export interface McpHttpServer extends AsyncDisposable {
  readonly url: string
  readonly sessions: ReadonlyMap<string, McpSession>
}

/** An MCP server on HTTP, with sessions: those that began here, and the rest of what others have begun. */
export async function startMcpServer(options: McpServerOptions): Promise<McpHttpServer> {
  const { sdk, log, work } = options
  const sessions = new Map<string, McpSession>()

  /** @param waitMs - for what belongs to another process. */
  function storeOf(sessionId: string, waitMs = 0): McpEventStore {
    const store = mcpEventStore({ log, sessionId, waitMs })
    return {
      getStreamIdForEventId: (eventId) => store.getStreamIdForEventId(eventId),
      replayEventsAfter: (eventId, { send }) => store.replayEventsAfter(eventId, { send }),
      async storeEvent(streamId, message) {
        const id = await store.storeEvent(streamId, message)
        options.onStored?.(message)
        return id
      },
    }
  }

  async function begin(request: Request): Promise<Response> {
    const sessionId = crypto.randomUUID()
    const session = await sdk.startSession({ sessionId, eventStore: storeOf(sessionId), work })
    sessions.set(sessionId, session)
    return session.handleRequest(request)
  }

  const server = createServer({
    port: 0,
    fetch: async (request) => {
      const sessionId = request.headers.get('mcp-session-id')
      if (sessionId === null) return begin(request)
      const session = sessions.get(sessionId)
      if (session !== undefined) return session.handleRequest(request)
      return request.headers.has('last-event-id')
        ? sdk.resume(request, storeOf(sessionId, 10_000))
        : new Response(null, { status: 404 })
    },
  })
  await server.listen()
  return {
    url: new URL('/mcp', server.url).href,
    sessions,
    async [Symbol.asyncDispose]() {
      for (const session of sessions.values()) await session.close()
      await server.close({ timeoutMs: 0 })
    },
  }
}
