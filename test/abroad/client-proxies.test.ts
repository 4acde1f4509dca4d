import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { createEventSource } from '@sse-toolkit/event-source-client'
import type { EventSourceClient } from '@sse-toolkit/event-source-client'
import { EnvHttpProxyAgent } from 'undici'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createCertificate } from '../../examples/adapters/self-signed.ts'
import { findHaproxy, freePort, startHaproxy } from './proxies.ts'

// README, "With other people's parts": a proxy of the environment, and a balancer's cookie.

const haproxy = findHaproxy()

async function listen(server: Server & { closeAllConnections?(): void }): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections?.()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** Sends one event of this data, and ends the first `endings` streams. */
function eventsOf(data: string, endings = 0): RequestListener {
  let count = 0
  return (_request, response) => {
    count += 1
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(`data: ${data}\n\n`)
    if (count <= endings) response.end()
  }
}

/** A proxy that tunnels (RFC 9110 section 9.3.6), and remembers where to. */
function createTunnel(tunnels: string[]): ReturnType<typeof createServer> {
  return createServer().on('connect', (request, client) => {
    const target = request.url ?? ''
    tunnels.push(target)
    const upstream = connect(Number(target.split(':')[1]), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      upstream.pipe(client).pipe(upstream)
    })
    for (const socket of [client, upstream]) {
      socket.on('error', () => socket.destroy())
      onTestFinished(() => void socket.destroy())
    }
  })
}

describe('HTTPS_PROXY', () => {
  it('a stream over TLS goes through the proxy that the environment names, and not to a host of NO_PROXY', async () => {
    const certificate = createCertificate()
    const port = await listen(createTlsServer(certificate, eventsOf('secret')))
    const tunnels: string[] = []
    const proxyPort = await listen(createTunnel(tunnels))
    for (const name of ['https_proxy', 'no_proxy']) vi.stubEnv(name, undefined)
    vi.stubEnv('HTTPS_PROXY', `http://127.0.0.1:${proxyPort}`)
    onTestFinished(() => void vi.unstubAllEnvs())
    const tls = { ca: certificate.cert }
    const read = async (noProxy: string): Promise<void> => {
      vi.stubEnv('NO_PROXY', noProxy)
      const dispatcher = new EnvHttpProxyAgent({ requestTls: tls, connect: tls })
      onTestFinished(() => dispatcher.destroy())
      for await (const { data } of createEventSource(`https://127.0.0.1:${port}/`, { dispatcher })) {
        expect(data).toBe('secret')
        break
      }
    }

    await read('other.test')
    expect(tunnels).toEqual([`127.0.0.1:${port}`])
    await read('127.0.0.1')
    expect(tunnels).toHaveLength(1)
  })
})

/** As README has it. */
function followOneServer(url: string): EventSourceClient {
  let cookie = ''
  const client = createEventSource(url, {
    headers: () => (cookie ? { cookie } : {}),
    reconnection: { baseDelayMs: 0, minDelayMs: 0 },
  })
  client.onStatus((status) => {
    const cookies = status.state === 'open' ? status.headers.getSetCookie() : []
    if (cookies.length > 0) cookie = cookies.map((line) => line.split(';')[0]).join('; ')
  })
  return client
}

describe.skipIf(haproxy.skip)('behind an HAProxy that sets a cookie', () => {
  it('a client that sends the cookie back returns to its server, and one without it moves between servers', async () => {
    const ports = [
      await listen(createServer(eventsOf('one', 50))),
      await listen(createServer(eventsOf('two', 50))),
    ]
    const front = await freePort()
    await startHaproxy(
      haproxy,
      front,
      `
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
frontend front
  bind 127.0.0.1:${front}
  default_backend servers
backend servers
  balance roundrobin
  cookie SERVER insert indirect nocache
  server one 127.0.0.1:${ports[0]} cookie one
  server two 127.0.0.1:${ports[1]} cookie two`,
    )
    const url = `http://127.0.0.1:${front}/`
    const firstEvents = async (client: EventSourceClient): Promise<Set<string>> => {
      const seen: string[] = []
      for await (const { data } of client) if (seen.push(data) === 6) break
      return new Set(seen)
    }
    expect((await firstEvents(followOneServer(url))).size).toBe(1)
    const plain = createEventSource(url, { reconnection: { baseDelayMs: 0, minDelayMs: 0 } })
    expect((await firstEvents(plain)).size).toBe(2)
  })
})
