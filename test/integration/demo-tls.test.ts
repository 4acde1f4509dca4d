import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { startProcess } from '@sse-toolkit/test-support'
import type { StartedProcess } from '@sse-toolkit/test-support'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { DEMO, env } from './running-demo.ts'

function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return true
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return false
    throw error
  }
}

describe.skipIf(!hasOpenssl() && process.env.CI === undefined)('the demo on TLS (needs openssl)', () => {
  let folder: string
  let demo: StartedProcess | undefined

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'demo-tls-test-'))
  })
  afterEach(async () => {
    await demo?.kill()
    demo = undefined
  })
  afterAll(async () => {
    await rm(folder, { recursive: true })
  })

  async function start(...args: string[]): Promise<URL> {
    demo = await startProcess({ args: [DEMO, '--port', '0', ...args], env, ready: /The demo runs at \S+ / })
    return new URL(/runs at (\S+)/.exec(demo.stdout)?.[1] ?? '')
  }

  async function run(...args: string[]): Promise<{ code: number | null; stderr: string }> {
    const process = await startProcess({ args: [DEMO, '--port', '0', ...args], env })
    const { code } = await process.exited
    return { code, stderr: process.stderr }
  }

  it('serves the page over HTTP/2, and many streams on one connection, with a certificate of its own', async () => {
    const url = await start('--tls')
    expect(url.protocol).toBe('https:')
    const session = connect(url.origin, { rejectUnauthorized: false })
    const streams = Array.from({ length: 8 }, () =>
      session.request({ ':path': '/events?lastEventId=earliest' }),
    )
    const seen = await Promise.all(
      streams.map(async (stream) => {
        const [[head], [chunk]] = await Promise.all([once(stream, 'response'), once(stream, 'data')])
        return { head: head as Record<string, unknown>, text: (chunk as Buffer).toString() }
      }),
    )
    for (const { head, text } of seen) {
      expect(head).toMatchObject({ ':status': 200, 'content-type': 'text/event-stream' })
      expect(text).toContain('heartbeat 5334')
    }
    session.destroy()
  })

  it('serves HTTP/1.1 with a given certificate', async () => {
    const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    // prettier-ignore
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
      '-subj', '/CN=given', '-keyout', keyFile, '-out', certFile])
    const url = await start('--tls-cert', certFile, '--tls-key', keyFile)
    const socket = connectTls({ host: url.hostname, port: Number(url.port), rejectUnauthorized: false })
    await once(socket, 'secureConnect')
    socket.write(`GET /about HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect([socket.getPeerCertificate().subject.CN, answer.toString().split('\r\n')[0]]).toEqual([
      'given',
      'HTTP/1.1 200 OK',
    ])
    socket.destroy()
  })

  it('explains in one line what is wrong with the files', async () => {
    const broken = join(folder, 'broken.pem')
    await writeFile(broken, 'no PEM\n')
    expect(await run('--tls-cert', broken)).toEqual({
      code: 2,
      stderr: '--tls-cert and --tls-key need each other: give both, or --tls alone.\n',
    })
    const missing = await run('--tls-cert', '/nowhere/cert.pem', '--tls-key', broken)
    expect(missing).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^--tls-cert cannot be read: ENOENT.*\n$/) as string,
    })
    const unfit = await run('--tls-cert', broken, '--tls-key', broken)
    expect(unfit).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^--tls-cert and --tls-key do not work: .*\n$/) as string,
    })
  })
})

it('reports that openssl is missing, with a remedy', async () => {
  const demo = await startProcess({ args: [DEMO, '--port', '0', '--tls'], env: { ...env, PATH: '/nowhere' } })
  expect(await demo.exited).toMatchObject({ code: 2 })
  expect(demo.stderr).toBe(
    '--tls could make no certificate: there is no openssl on the PATH. Give --tls-cert and --tls-key.\n',
  )
})
