import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient, createCluster, createSentinel } from '@redis/client'
import { patience, startProcess, startRedis } from '@sse-toolkit/test-support'
import { describe, expect, it, vi } from 'vitest'
import { append, end, listen, read, server, useRedis } from './redis-fixture.ts'

const redis = useRedis()
const { open, command, newNamespace } = redis

describe.skipIf(server.skip)('clients', () => {
  it('the log takes over the settings of a single-server client without opening that client', async () => {
    const client = createClient({ url: redis.url })
    const log = open({ redis: client })
    await append(log, 'a')
    await log.close()
    expect(client.isOpen).toBe(false)
  })

  it('a log opens two connections, and close ends both', async () => {
    // Each question has a connection of its own, which Redis may list for a while after it is closed.
    const connections = async (): Promise<readonly string[]> =>
      [
        await command<string>('CLIENT', 'LIST', 'TYPE', 'normal'),
        await command<string>('CLIENT', 'LIST', 'TYPE', 'pubsub'),
      ]
        .join('')
        .split('\n')
        .filter((line) => line !== '' && !line.includes(' cmd=client|list '))
        .map((line) => line.split(' ')[0] ?? '')
    const before = new Set(await connections())
    const opened = async (): Promise<number> => (await connections()).filter((id) => !before.has(id)).length
    const log = open()
    await append(log, 'a')
    await vi.waitUntil(async () => (await opened()) === 2, patience)
    await log.close()
    await vi.waitUntil(async () => (await opened()) === 0, patience)
  })

  it('a log needs no more permissions than the README names', async () => {
    const namespace = newNamespace()
    const commands = ['+@read', '+@write', '+@pubsub', '+@scripting', '+info', '+time', '+@connection']
    const scope = [`~{${namespace}}:*`, `&{${namespace}}:*`]
    await command('ACL', 'SETUSER', 'hub', 'on', '>secret', ...scope, ...commands)
    const log = open({ url: `redis://hub:secret@127.0.0.1:${redis.port}`, namespace, maxEvents: 2 })
    const { heard } = listen(log)
    await log.claim('answer')
    for (const data of ['1', '2', '3']) await append(log, 'answer', data)
    expect((await read(log, '>')).entries).toHaveLength(2)
    expect(await log.cancel('answer')).toBe('running')
    await end(log, 'answer', 1)
    await vi.waitUntil(async () => (await log.status('answer')).state === 'expired', patience)
    expect(heard).toEqual(['1', '2', '3', 'cancelled answer', '{}'])
    const elsewhere = open({ url: `redis://hub:secret@127.0.0.1:${redis.port}`, namespace: 'other' })
    await expect(append(elsewhere, 'a')).rejects.toThrow(expect.objectContaining({ code: 'log-unavailable' }))
  })

  it('the log takes over the TLS settings of a single-server client', async () => {
    await using files = await makeCertificate()
    await using secure = await startRedis({
      protocol: 'tls',
      args: ['--tls-auth-clients', 'no', ...files.args],
    })
    const client = createClient({
      url: `rediss://localhost:${secure.port}`,
      socket: { tls: true, ca: files.certificate },
    })
    const log = open({ redis: client })
    const { heard } = listen(log)
    await append(log, 'a', '1')
    await vi.waitUntil(() => heard.length === 1, patience)
  })

  it('on a cluster, all keys of a hub are in one slot', async () => {
    await using node = await startRedis({ args: ['--cluster-enabled', 'yes'] })
    const setUp = createClient({ url: node.url })
    await setUp.connect()
    await setUp.sendCommand(['CLUSTER', 'ADDSLOTSRANGE', '0', '16383'])
    await vi.waitUntil(
      async () => (await setUp.sendCommand<string>(['CLUSTER', 'INFO'])).includes('cluster_state:ok'),
      patience,
    )
    const cluster = createCluster({ rootNodes: [{ url: node.url }] })
    cluster.on('error', () => undefined)
    await cluster.connect()
    const namespace = newNamespace()
    const [log, other] = [
      open({ redis: cluster, namespace, maxEvents: 5 }),
      open({ redis: cluster, namespace }),
    ]
    await other.ready()
    const { heard } = listen(other)
    await log.claim('answer')
    for (let n = 0; n < 20; n += 1) await append(log, 'answer', String(n))
    await end(log, 'answer')
    await vi.waitUntil(() => heard.length === 21, patience)
    const keys = await setUp.sendCommand<string[]>(['KEYS', '*'])
    expect(keys.length).toBeGreaterThan(5)
    const slots = await Promise.all(keys.map((key) => setUp.sendCommand(['CLUSTER', 'KEYSLOT', key])))
    expect(new Set(slots).size).toBe(1)
    await Promise.all([log.close(), other.close()])
    cluster.destroy()
    setUp.destroy()
  })

  it('with a sentinel, the log follows it to the new master', async () => {
    await using master = await startRedis()
    await using replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] })
    await using sentinel = await startSentinel(master.port)
    const client = createSentinel({
      name: 'mine',
      sentinelRootNodes: [{ host: '127.0.0.1', port: sentinel.port }],
      scanInterval: 100,
    })
    client.on('error', () => undefined)
    await client.connect()
    const log = open({ redis: client, commandTimeoutMs: 15_000 })
    const { heard } = listen(log)
    await append(log, 'a', '1')
    await vi.waitUntil(() => heard.length === 1, patience)
    await vi.waitUntil(async () => (await sentinel.ask('replicas', 'mine')).length > 0, patience)
    await master.kill()
    await vi.waitUntil(
      async () => {
        await append(log, 'a', '2').catch(() => undefined)
        return heard.includes('2')
      },
      { timeout: 18_000, interval: 100 },
    )
    expect(heard[1]).toMatch(/^restarted/)
    await log.close()
    await client.destroy()
    expect(replica.port).toBeGreaterThan(0)
  }, 40_000)
})

async function makeCertificate() {
  const folder = await mkdtemp(join(tmpdir(), 'sse-toolkit-tls-'))
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  const openssl = await startProcess({
    command: 'openssl',
    args: ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, ...subject],
  })
  expect(await openssl.exited).toMatchObject({ code: 0 })
  return {
    certificate: await readFile(certificate, 'utf8'),
    args: ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', certificate],
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Watches the master under the name `mine`, and decides alone. */
async function startSentinel(masterPort: number) {
  if (server.skip) throw new Error(server.reason)
  const placeholder = await startRedis()
  const { port } = placeholder
  await placeholder[Symbol.asyncDispose]()
  const folder = await mkdtemp(join(tmpdir(), 'sse-toolkit-sentinel-'))
  const file = join(folder, 'sentinel.conf')
  await writeFile(
    file,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `sentinel monitor mine 127.0.0.1 ${masterPort} 1`,
      'sentinel down-after-milliseconds mine 500',
      'sentinel failover-timeout mine 3000',
    ].join('\n'),
  )
  const child = await startProcess({
    command: server.path,
    args: [file, '--sentinel'],
    ready: /\+monitor master mine/,
  })
  return {
    port,
    ask: async (...args: readonly string[]): Promise<readonly unknown[]> => {
      const client = createClient({ socket: { port } })
      await client.connect()
      try {
        return await client.sendCommand<unknown[]>(['SENTINEL', ...args])
      } finally {
        client.destroy()
      }
    },
    [Symbol.asyncDispose]: async () => {
      await child.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
