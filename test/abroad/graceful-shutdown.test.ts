import 'reflect-metadata'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { Controller, Get, Module, Req, Res } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import express from 'express'
import type { Request as ExpressRequest, Response as ExpressResponse } from 'express'
import fastify from 'fastify'
import { describe, expect, it, vi } from 'vitest'
import { createHub } from '@sse-toolkit/sse-server'
import type { Hub } from '@sse-toolkit/sse-server'
import { subscribeFastify, subscribeNode } from '@sse-toolkit/sse-server/node'
import { patience } from '@sse-toolkit/test-support'

// docs/deployment/graceful-shutdown.md: the streams end cleanly first, and then the server has nothing to wait for.

interface Serving {
  readonly url: string
  /** As the document has it for this framework. */
  readonly shutDown: () => Promise<void>
}

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/events`
}

/** The module of the Nest program. */
class App {
  readonly name = 'events'
}
Module({})(App)

const hosts: readonly { readonly name: string; readonly start: (hub: Hub) => Promise<Serving> }[] = [
  {
    name: 'node:http',
    async start(hub) {
      const server = createServer((req, res) => void subscribeNode(hub, req, res, { topics: ['a'] }))
      return {
        url: await listening(server),
        async shutDown() {
          await hub.close({ drainMs: 50 })
          await promisify(server.close.bind(server))()
        },
      }
    },
  },
  {
    name: 'Express',
    async start(hub) {
      const app = express()
      app.get('/events', (req, res) => subscribeNode(hub, req, res, { topics: ['a'] }))
      const server = createServer(app)
      return {
        url: await listening(server),
        async shutDown() {
          await hub.close({ drainMs: 50 })
          await promisify(server.close.bind(server))()
        },
      }
    },
  },
  {
    name: 'Fastify',
    async start(hub) {
      const app = fastify()
      app.addHook('preClose', () => hub.close({ drainMs: 50 }))
      app.get('/events', (request, reply) => subscribeFastify(hub, request, reply, { topics: ['a'] }))
      const url = await app.listen({ port: 0, host: '127.0.0.1' })
      return { url: `${url}/events`, shutDown: () => app.close() }
    },
  },
  {
    name: 'Nest',
    async start(hub) {
      class Events {
        subscribe(req: ExpressRequest, res: ExpressResponse): Promise<void> {
          return subscribeNode(hub, req, res, { topics: ['a'] })
        }

        beforeApplicationShutdown(): Promise<void> {
          return hub.close({ drainMs: 50 })
        }
      }
      // What the decorators of a Nest program do, which this repository's TypeScript has no syntax for.
      const method = Object.getOwnPropertyDescriptor(Events.prototype, 'subscribe')
      Get('events')(Events.prototype, 'subscribe', method ?? {})
      Req()(Events.prototype, 'subscribe', 0)
      Res()(Events.prototype, 'subscribe', 1)
      Controller()(Events)
      const app = await NestFactory.create({ module: App, controllers: [Events] }, { logger: false })
      await app.listen(0, '127.0.0.1')
      return { url: `${await app.getUrl()}/events`, shutDown: () => app.close() }
    },
  },
]

describe.each(hosts)('shutting down $name', ({ start }) => {
  it('delivers published events to its readers, ends them cleanly, and finishes', async () => {
    const hub = createHub({ heartbeatIntervalMs: 0 })
    const { url, shutDown } = await start(hub)
    const responses = await Promise.all([fetch(url), fetch(url)])
    await vi.waitUntil(() => hub.connections().length === 2, patience)
    await hub.publish('a', { data: 'last words' })
    const texts = Promise.all(responses.map((response) => response.text()))
    await shutDown()
    // A body that was broken off would reject.
    for (const text of await texts) expect(text).toMatch(/data: last words\n\n[^]*retry: \d+/)
    await expect(fetch(url)).rejects.toThrow('fetch failed')
  })
})

describe('a server that is closed before its streams', () => {
  it('waits for them, and finishes when the hub closes', async () => {
    const hub = createHub({ heartbeatIntervalMs: 0 })
    const server = createServer((req, res) => void subscribeNode(hub, req, res, { topics: ['a'] }))
    const response = await fetch(await listening(server))
    let isClosed = false
    const closed = once(server, 'close').then(() => (isClosed = true))
    server.close()
    await hub.publish('a', { data: 'still here' })
    expect(isClosed).toBe(false)
    await hub.close()
    expect(await response.text()).toContain('data: still here')
    await closed
  })
})
