import * as client2 from '@modelcontextprotocol/client'
import { Client as Client1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as ClientTransport1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer as Server1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { WebStandardStreamableHTTPServerTransport as ServerTransport1 } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import type { EventStore as EventStore1 } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js'
import * as server2 from '@modelcontextprotocol/server'
import type { McpEventStore } from '@sse-toolkit/sse-server/mcp'

// The two lines of MCP's SDK, as far as these tests use them.

/** What the tool `work` is given. */
export interface Work {
  readonly notify: (text: string) => Promise<void>
  /** Ends the stream of the call, so that the client comes back for the rest. */
  readonly closeStream: () => void
}

export interface McpSdk {
  /** A server with the tool `work`, for one session. */
  startSession(options: {
    readonly sessionId: string
    readonly eventStore: McpEventStore
    readonly work: (work: Work) => Promise<string>
  }): Promise<McpSession>
  /** Answers a request to resume, for a session of another process: sends the stored messages, and ends. */
  resume(request: Request, eventStore: McpEventStore): Promise<Response>
  connectClient(url: string, options: McpClientOptions): Promise<McpClient>
}

export interface McpSession {
  handleRequest(request: Request): Promise<Response>
  /** Sends a notification that belongs to no call. */
  notify(text: string): Promise<void>
  close(): Promise<void>
}

interface McpClientOptions {
  readonly fetch: (url: string | URL, init?: RequestInit) => Promise<Response>
  readonly onNotification: (text: string) => void
  readonly onError: (error: Error) => void
}

interface McpClient {
  /** Calls `work`. */
  work(): Promise<string>
  close(): Promise<void>
}

const implementation = { name: 'test', version: '1' }
const capabilities = { logging: {} }
const retryInterval = 10
const reconnectionOptions = {
  initialReconnectionDelay: 10,
  maxReconnectionDelay: 100,
  reconnectionDelayGrowFactor: 1.5,
  maxRetries: 20,
}

function notification(text: string): {
  method: 'notifications/message'
  params: { level: 'info'; data: string }
} {
  return { method: 'notifications/message', params: { level: 'info', data: text } }
}

function textOf(result: unknown): string {
  return (result as { content: { text: string }[] }).content[0]?.text ?? ''
}

const version1: McpSdk = {
  async startSession({ sessionId, eventStore, work }) {
    const server = new Server1(implementation, { capabilities })
    server.registerTool('work', {}, async ({ sendNotification, closeSSEStream }) => {
      const text = await work({
        notify: (each) => sendNotification(notification(each)),
        closeStream: () => closeSSEStream?.(),
      })
      return { content: [{ type: 'text', text }] }
    })
    // That ours can be assigned to it is part of the test.
    const store: EventStore1 = eventStore
    const transport = new ServerTransport1({
      sessionIdGenerator: () => sessionId,
      eventStore: store,
      retryInterval,
    })
    await server.connect(transport)
    return {
      handleRequest: (request) => transport.handleRequest(request),
      notify: (text) => server.server.notification(notification(text)),
      close: () => server.close(),
    }
  },
  async resume(request, eventStore) {
    const transport = new ServerTransport1({ eventStore })
    const response = await transport.handleRequest(request)
    await transport.close()
    return response
  },
  async connectClient(url, { fetch, onNotification, onError }) {
    const client = new Client1(implementation)
    const transport = new ClientTransport1(new URL(url), { fetch, reconnectionOptions })
    Object.assign(transport, { onerror: onError })
    client.fallbackNotificationHandler = async ({ params }) => onNotification(String(params?.['data']))
    await client.connect(transport)
    return {
      work: async () => textOf(await client.callTool({ name: 'work' })),
      close: () => client.close(),
    }
  },
}

const version2: McpSdk = {
  async startSession({ sessionId, eventStore, work }) {
    const server = new server2.McpServer(implementation, { capabilities })
    server.registerTool('work', {}, async ({ mcpReq, http }) => {
      const text = await work({
        notify: (each) => mcpReq.notify(notification(each)),
        closeStream: () => http?.closeSSE?.(),
      })
      return { content: [{ type: 'text', text }] }
    })
    const store: server2.EventStore = eventStore
    const transport = new server2.WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: () => sessionId,
      eventStore: store,
      retryInterval,
    })
    await server.connect(transport)
    return {
      handleRequest: (request) => transport.handleRequest(request),
      notify: (text) => server.server.notification(notification(text)),
      close: () => server.close(),
    }
  },
  async resume(request, eventStore) {
    const transport = new server2.WebStandardStreamableHTTPServerTransport({ eventStore })
    const response = await transport.handleRequest(request)
    await transport.close()
    return response
  },
  async connectClient(url, { fetch, onNotification, onError }) {
    const client = new client2.Client(implementation)
    const transport = new client2.StreamableHTTPClientTransport(new URL(url), { fetch, reconnectionOptions })
    Object.assign(transport, { onerror: onError })
    client.fallbackNotificationHandler = async ({ params }) => onNotification(String(params?.['data']))
    await client.connect(transport)
    return {
      work: async () => textOf(await client.callTool({ name: 'work' })),
      close: () => client.close(),
    }
  },
}

export const mcpSdks: Readonly<Record<'sdk 1' | 'sdk 2', McpSdk>> = { 'sdk 1': version1, 'sdk 2': version2 }
