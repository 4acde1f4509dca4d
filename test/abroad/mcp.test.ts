import { fileURLToPath } from 'node:url'
import { redisLog } from '@sse-toolkit/sse-redis'
import { createHub, memoryLog } from '@sse-toolkit/sse-server'
import type { EventLog } from '@sse-toolkit/sse-server'
import { startFaultProxy } from '@sse-toolkit/testing/node'
import { findRedisServer, startProcess, startRedis } from '@sse-toolkit/test-support'
import type { StartedProcess } from '@sse-toolkit/test-support'
import { describe, expect, it, vi } from 'vitest'
import { startMcpServer } from './mcp-server.ts'
import type { McpHttpServer } from './mcp-server.ts'
import { mcpSdks } from './mcp-sdks.ts'
import type { McpSdk } from './mcp-sdks.ts'

// Clients and servers of the MCP SDK, which resume over our event store.

const redisServer = findRedisServer()
const sdks = Object.entries(mcpSdks)

/** A client that notes what it gets, and which requests to resume it makes. */
async function connect(
  sdk: McpSdk,
  url: string,
  urlOf: (isResumption: boolean) => Promise<string> = async () => url,
) {
  const notified: string[] = []
  const errors: Error[] = []
  const resumptions: { readonly lastEventId: string; status: number }[] = []
  const client = await sdk.connectClient(url, {
    onNotification: (text) => void notified.push(text),
    onError: (error) => void errors.push(error),
    async fetch(_url, init) {
      const lastEventId = new Headers(init?.headers).get('last-event-id')
      if (lastEventId === null) return fetch(await urlOf(false), init)
      const resumption = { lastEventId, status: 0 }
      resumptions.push(resumption)
      const response = await fetch(await urlOf(true), init)
      resumption.status = response.status
      return response
    },
  })
  return { client, notified, errors, resumptions, [Symbol.asyncDispose]: () => client.close() }
}

describe.each(sdks)('an MCP server of %s', (_name, sdk) => {
  it('gives the rest of a call after its connection is cut, each message once', async () => {
    const steps = [0, 1, 2, 3].map(() => Promise.withResolvers<void>())
    await using server = await startMcpServer({
      sdk,
      log: memoryLog(),
      async work({ notify }) {
        for (const [index, step] of steps.entries()) {
          await step.promise
          await notify(String(index))
        }
        return 'done'
      },
    })
    await using proxy = await startFaultProxy({ target: { port: Number(new URL(server.url).port) } })
    const url = new URL('/mcp', proxy.url).href
    await using connection = await connect(sdk, url)
    const result = connection.client.work()
    steps[0]?.resolve()
    await expect.poll(() => connection.notified).toEqual(['0'])
    await proxy.refuse()
    proxy.cutAll('rst')
    steps[1]?.resolve()
    steps[2]?.resolve()
    await proxy.accept()
    await expect.poll(() => connection.notified).toEqual(['0', '1', '2'])
    steps[3]?.resolve()
    expect(await result).toBe('done')
    expect(connection.notified).toEqual(['0', '1', '2', '3'])
  })

  it('gives notifications outside of a call to a client that was away', async () => {
    await using server = await startMcpServer({ sdk, log: memoryLog(), work: async () => 'done' })
    await using proxy = await startFaultProxy({ target: { port: Number(new URL(server.url).port) } })
    await using connection = await connect(sdk, new URL('/mcp', proxy.url).href)
    const [session] = server.sessions.values()
    // Sent until the client's stream is open; only what is sent on it has an id to resume after.
    await vi.waitUntil(async () => {
      await session?.notify('hello')
      return connection.notified.length > 0
    })
    await proxy.refuse()
    proxy.cutAll('rst')
    await vi.waitUntil(() => connection.errors.length > 0)
    for (const text of ['1', '2', '3']) await session?.notify(text)
    await proxy.accept()
    await expect.poll(() => connection.notified.filter((text) => text !== 'hello')).toEqual(['1', '2', '3'])
  })

  it('refuses a client whose messages are gone, rather than skip any', async () => {
    await using server = await startMcpServer({
      sdk,
      log: memoryLog({ maxEvents: 3 }),
      work: async () => 'done',
    })
    await using proxy = await startFaultProxy({ target: { port: Number(new URL(server.url).port) } })
    await using connection = await connect(sdk, new URL('/mcp', proxy.url).href)
    const [session] = server.sessions.values()
    await vi.waitUntil(async () => {
      await session?.notify('hello')
      return connection.notified.length > 0
    })
    const before = connection.notified.length
    await proxy.refuse()
    proxy.cutAll('rst')
    await vi.waitUntil(() => connection.errors.length > 0)
    for (const text of ['1', '2', '3', '4', '5']) await session?.notify(text)
    await proxy.accept()
    await expect.poll(() => connection.resumptions.at(-1)?.status).toBe(500)
    expect(connection.notified.length).toBe(before)
  })

  it.skipIf(redisServer.skip)('can be resumed at another process while its own keeps running', async () => {
    await using redis = await startRedis()
    const steps = [0, 1, 2, 3].map(() => Promise.withResolvers<void>())
    const start = (log: EventLog): Promise<McpHttpServer> =>
      startMcpServer({
        sdk,
        log,
        async work({ notify, closeStream }) {
          closeStream()
          for (const [index, step] of steps.entries()) {
            await step.promise
            await notify(String(index))
          }
          return 'done'
        },
      })
    const logOfHere = redisLog({ url: redis.url, namespace: 'mcp' })
    const logOfThere = redisLog({ url: redis.url, namespace: 'mcp' })
    await using here = await start(logOfHere)
    await using there = await start(logOfThere)
    await using connection = await connect(
      sdk,
      here.url,
      async (isResumption) => (isResumption ? there : here).url,
    )
    const result = connection.client.work()
    for (const [index, step] of steps.entries()) {
      // The client asks the other process before there is anything to get from it.
      await expect.poll(() => connection.resumptions.length).toBe(index + 1)
      step.resolve()
      await expect.poll(() => connection.notified.length).toBe(index + 1)
    }
    expect(await result).toBe('done')
    expect(connection.notified).toEqual(['0', '1', '2', '3'])
    for (const log of [logOfHere, logOfThere]) await log.close()
  })

  it.skipIf(redisServer.skip)('can be resumed at another process when its own has died', async () => {
    await using redis = await startRedis()
    const program = fileURLToPath(new URL('programs/mcp-server.ts', import.meta.url))
    const start = (): Promise<StartedProcess> =>
      startProcess({ args: [program, _name, redis.url], ready: /listening on .+/ })
    await using here = await start()
    await using there = await start()
    const urlOf = ({ stdout }: StartedProcess): string => /listening on (.+)/.exec(stdout)?.[1] ?? ''

    // A reader that may read everything on a hub of the same Redis gets none of these messages.
    const log = redisLog({ url: redis.url })
    const hub = createHub({ log })
    const readings = hub.read([], { patterns: ['>'], after: 'earliest' })

    await using connection = await connect(sdk, urlOf(here), async (isResumption) => {
      if (!isResumption) return urlOf(here)
      await here.untilStdout(/stored result/)
      await here.kill()
      return urlOf(there)
    })
    expect(await connection.client.work()).toBe('done')
    expect(connection.notified).toEqual(['0', '1', '2', '3', '4', '5'])
    expect(connection.resumptions[0]).toMatchObject({ status: 200 })

    await hub.publish('news', { data: 'of the hub' })
    expect((await readings.next()).value).toMatchObject({ topic: 'news' })
    await hub.close()
    await log.close()
  })
})
