import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from '@sse-toolkit/http-core/node'
import type { Server, ServerOptions } from '@sse-toolkit/http-core/node'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createCertificate } from '../../examples/adapters/self-signed.ts'

// A real client that is killed in the middle of an event stream, over both versions of HTTP.

const hasCurl = spawnSync('curl', ['--version']).stdout?.includes('HTTP2') ?? false
const mustHave = process.env['CI'] !== undefined && process.env['CI'] !== ''
if (!hasCurl && !mustHave)
  console.warn('Skipping tests: curl with HTTP/2 is not installed: apt-get install curl.')

const tls = createCertificate()

interface Observed {
  readonly server: Server
  readonly ended: string[]
}

/** A server of one endless event stream, which writes down how it ends. */
async function serving(options: Partial<ServerOptions>): Promise<Observed> {
  const ended: string[] = []
  const server = createServer({
    port: 0,
    fetch: (request) => {
      request.signal.addEventListener('abort', () => ended.push('aborted'))
      const body = new ReadableStream({
        start: (controller) => controller.enqueue(Buffer.from('data: x\n\n')),
        cancel: () => {
          ended.push('cancelled')
        },
      })
      return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
    },
    ...options,
  })
  await server.listen()
  onTestFinished(async () => {
    await server.close({ timeoutMs: 0 })
  })
  return { server, ended }
}

/** curl with the stream open. */
async function curl({ server }: Observed, version: string): Promise<ChildProcess> {
  const program = spawn('curl', ['-sNk', version, server.url ?? ''], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => {
    program.kill('SIGKILL')
  })
  await once(program.stdout, 'data')
  program.stdout.resume()
  return program
}

async function expectEnd({ server, ended }: Observed): Promise<void> {
  await expect.poll(() => [server.activeConnections, server.requestsInFlight]).toEqual([0, 0])
  expect(ended.toSorted()).toEqual(['aborted', 'cancelled'])
}

describe.skipIf(!hasCurl && !mustHave)('curl -N, killed in the middle of an event stream', () => {
  it.each([
    ['--http2', 'SIGTERM', 'TLS', { tls, http2PingIntervalMs: 0 }],
    ['--http2', 'SIGKILL', 'TLS', { tls, http2PingIntervalMs: 0 }],
    ['--http2', 'SIGKILL', 'TCP, where its upgrade to h2c is ignored', {}],
    ['--http1.1', 'SIGTERM', 'TCP', {}],
    ['--http1.1', 'SIGKILL', 'TCP', {}],
    ['--http1.1', 'SIGKILL', 'TCP without handover', { socketHandover: 'off' }],
    ['--http1.1', 'SIGKILL', 'TLS', { tls }],
  ] as const)('%s is noticed at once: %s, on %s', async (version, signal, _name, options) => {
    const observed = await serving(options)
    const program = await curl(observed, version)
    expect(observed.server.requestsInFlight).toBe(1)
    program.kill(signal)
    await expectEnd(observed)
  })

  it('--http2, frozen by SIGSTOP, does not answer its PING', async () => {
    const observed = await serving({ tls, http2PingIntervalMs: 500 })
    const program = await curl(observed, '--http2')
    program.kill('SIGSTOP')
    await expectEnd(observed)
  })
})
