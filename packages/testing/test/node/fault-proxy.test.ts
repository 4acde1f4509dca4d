import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startFaultProxy } from '../../src/node/index.ts'
import type { Faults, FaultProxy } from '../../src/node/index.ts'
import { dial, startTarget } from './sockets.ts'
import type { Peer, Target } from './sockets.ts'

let target: Target
let proxy: FaultProxy

beforeEach(async () => {
  target = await startTarget()
  proxy = await startFaultProxy({ target: { port: target.port } })
})

afterEach(async () => {
  await proxy.close()
  await target[Symbol.asyncDispose]()
})

/** A connection through the proxy: both ends. */
async function connected(reading?: 'as-it-comes' | 'byte-by-byte'): Promise<{ client: Peer; server: Peer }> {
  const client = await dial(proxy.port, reading)
  return { client, server: await target.nextPeer() }
}

/** Settled or not after this long; the only way to see that something does not happen. */
async function happensWithin(promise: Promise<unknown>, durationMs: number): Promise<boolean> {
  return Promise.race([promise.then(() => true), delay(durationMs, false)])
}

describe('without faults', () => {
  it('passes bytes on in both directions and counts them', async () => {
    const { client, server } = await connected()
    client.socket.write('question')
    await server.untilLength(8)
    server.socket.write('the answer')
    await client.untilLength(10)
    expect([server.text, client.text]).toEqual(['question', 'the answer'])
    expect([proxy.bytesToServer, proxy.bytesToClient]).toEqual([8, 10])
    expect([proxy.connections, proxy.accepted]).toEqual([1, 1])
  })

  it('passes the FIN of one half on and leaves the other half open', async () => {
    const { client, server } = await connected()
    client.socket.end('last words')
    expect(await server.ended()).toBe('fin')
    server.socket.write('still here')
    await client.untilLength(10)
    server.socket.end()
    expect(await client.ended()).toBe('fin')
    await once(client.socket, 'close')
    await expect.poll(() => proxy.connections).toBe(0)
  })

  it('passes an RST on in both directions', async () => {
    const first = await connected()
    first.client.socket.resetAndDestroy()
    expect(await first.server.ended()).toBe('rst')
    const second = await connected()
    second.server.socket.resetAndDestroy()
    expect(await second.client.ended()).toBe('rst')
    await expect.poll(() => proxy.connections).toBe(0)
  })

  it('passes megabytes on unchanged to a reader that pauses now and then', async () => {
    const { client, server } = await connected()
    const sent = Buffer.alloc(5_000_000)
    for (let at = 0; at < sent.length; at += 1) sent[at] = (at * 31) % 251
    server.socket.write(sent)
    client.socket.once('data', () => {
      client.socket.pause()
      setImmediate(() => client.socket.resume())
    })
    await client.untilLength(sent.length)
    expect(Buffer.from(client.text, 'latin1').equals(sent)).toBe(true)
  })

  it('resets the client when the target refuses', async () => {
    const { port } = target
    await target[Symbol.asyncDispose]()
    const client = await dial(proxy.port)
    expect(await client.ended()).toBe('rst')
    target = await startTarget()
    expect(target.port).not.toBe(port)
  })
})

describe('latency', () => {
  it('holds bytes back for that long, and keeps their order', async () => {
    const { client, server } = await connected()
    proxy.faults.set({ toClient: { latencyMs: 120 } })
    const startedAt = performance.now()
    server.socket.write('a')
    await delay(30)
    server.socket.write('b')
    await client.untilLength(1)
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(119)
    expect(client.text).toBe('a')
    await client.untilLength(2)
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(148)
    expect(client.text).toBe('ab')
  })

  it('holds the FIN back as well', async () => {
    const { client, server } = await connected()
    proxy.faults.set({ latencyMs: 100 })
    const startedAt = performance.now()
    server.socket.end()
    await client.ended()
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(99)
  })

  it('ends at once when the fault is cleared', async () => {
    const { client, server } = await connected()
    proxy.faults.set({ latencyMs: 60_000 })
    server.socket.write('late')
    expect(await happensWithin(client.untilLength(1), 50)).toBe(false)
    proxy.faults.clear()
    await client.untilLength(4)
  })
})

describe('throttling', () => {
  it('passes no more bytes a second than asked', async () => {
    const { client, server } = await connected()
    proxy.faults.set({ toClient: { bytesPerSecond: 20_000 } })
    const startedAt = performance.now()
    server.socket.write(Buffer.alloc(6_000))
    await client.untilLength(6_000)
    const seconds = (performance.now() - startedAt) / 1000
    // Timers on a loaded machine are late, never early: the lower bound is the promise.
    expect(6_000 / seconds).toBeLessThanOrEqual(20_500)
  })

  it('leaves the other direction alone', async () => {
    const { client, server } = await connected()
    proxy.faults.set({ toClient: { bytesPerSecond: 1 } })
    client.socket.write(Buffer.alloc(100_000))
    await server.untilLength(100_000)
    server.socket.write('abc')
    expect(await happensWithin(client.untilLength(2), 200)).toBe(false)
  })
})

describe('single bytes', () => {
  it('makes each byte a TCP write of its own', async () => {
    const { client, server } = await connected()
    proxy.faults.set({ writes: 'single-bytes' })
    server.socket.write('id: 1\ndata: ä\n\n')
    await client.untilLength(16)
    expect(Buffer.from(client.text, 'latin1').toString()).toBe('id: 1\ndata: ä\n\n')
    // The kernel may join two of them when the reader is late; most arrive alone.
    expect(client.reads.length).toBeGreaterThanOrEqual(12)
  })
})

describe('a paused flow', () => {
  it('lets TCP back-pressure reach the sender, and loses nothing', async () => {
    const { client, server } = await connected()
    proxy.faults.set({ toClient: { flow: 'paused' } })
    const total = 40_000_000
    server.socket.write(Buffer.alloc(total, 'x'))
    const written = once(server.socket, 'drain')
    expect(await happensWithin(written, 200)).toBe(false)
    expect(server.socket.writableLength).toBeGreaterThan(0)
    expect(client.text.length).toBe(0)
    proxy.faults.clear()
    await written
    await client.untilLength(total)
    expect(client.text.length).toBe(total)
  })
})

describe('a black hole', () => {
  it('drops the bytes of one direction without FIN or RST, while the other one works', async () => {
    const { client, server } = await connected()
    proxy.faults.set({ toClient: { flow: 'black-hole' } })
    server.socket.write('lost')
    client.socket.write('heard')
    await server.untilLength(5)
    expect(await happensWithin(client.untilLength(1), 50)).toBe(false)
    expect(client.end).toBe('none')
  })

  it('hides the end of the peer', async () => {
    const { client, server } = await connected()
    proxy.faults.set({ toClient: { flow: 'black-hole' } })
    server.socket.resetAndDestroy()
    expect(await happensWithin(client.ended(), 50)).toBe(false)
    expect(client.socket.destroyed).toBe(false)
    expect(proxy.connections).toBe(1)
  })

  it('stays for a connection that lost bytes, while new connections work after it is cleared', async () => {
    const old = await connected()
    proxy.faults.set({ flow: 'black-hole' })
    old.server.socket.write('lost')
    await delay(20)
    proxy.faults.clear()
    old.server.socket.write('would be garbage')
    const fresh = await connected()
    fresh.server.socket.write('fine')
    await fresh.client.untilLength(4)
    expect(old.client.text).toBe('')
    expect(old.client.end).toBe('none')
  })
})

describe('cutting after some bytes', () => {
  it.each([
    ['fin', 'fin'],
    ['destroy', 'fin'],
    ['rst', 'rst'],
  ] as const)('lets exactly so many through and then ends both sides: %s', async (ending, seen) => {
    proxy.faults.set({ toClient: { cutAfter: { bytes: 7, ending } } })
    const { client, server } = await connected('byte-by-byte')
    server.socket.write('one ')
    server.socket.write('two three')
    expect(await client.ended()).toBe(seen)
    expect(client.text).toBe('one two')
    expect(await server.ended()).toBe(seen)
    client.socket.destroy()
    server.socket.destroy()
    await expect.poll(() => proxy.connections).toBe(0)
  })

  it('cuts before the first byte when told 0', async () => {
    proxy.faults.set({ toServer: { cutAfter: { bytes: 0, ending: 'fin' } } })
    const { client, server } = await connected('byte-by-byte')
    client.socket.write('never heard')
    expect(await server.ended()).toBe('fin')
    expect(server.text).toBe('')
  })

  it('counts an open connection from the moment the fault is set', async () => {
    const { client, server } = await connected('byte-by-byte')
    server.socket.write('before')
    await client.untilLength(6)
    proxy.faults.set({ toClient: { cutAfter: { bytes: 2, ending: 'rst' } } }, 'open')
    server.socket.write('after')
    expect(await client.ended()).toBe('rst')
    expect(client.text).toBe('beforeaf')
  })
})

describe('the scope of a fault', () => {
  it('can be the open connections alone', async () => {
    const open = await connected()
    proxy.faults.set({ flow: 'black-hole' }, 'open')
    const fresh = await connected()
    fresh.client.socket.write('x')
    open.client.socket.write('y')
    await fresh.server.untilLength(1)
    expect(open.server.text).toBe('')
  })

  it('can be the connections to come alone', async () => {
    const open = await connected()
    proxy.faults.set({ flow: 'paused' }, 'new')
    const fresh = await connected()
    fresh.client.socket.write('x')
    open.client.socket.write('y')
    await open.server.untilLength(1)
    expect(await happensWithin(fresh.server.untilLength(1), 50)).toBe(false)
  })

  it('can be one connection', async () => {
    const first = await connected()
    const second = await connected()
    proxy.openConnections()[0]?.cut('rst')
    expect(await first.client.ended()).toBe('rst')
    second.client.socket.write('x')
    await second.server.untilLength(1)
    expect(proxy.openConnections()[0]?.bytesToServer).toBe(1)
  })
})

describe('cutAll', () => {
  it.each([
    ['fin', 'fin'],
    ['destroy', 'fin'],
    ['rst', 'rst'],
  ] as const)('ends every connection on both sides: %s', async (ending, seen) => {
    const pairs = [await connected(), await connected()]
    proxy.cutAll(ending)
    for (const { client, server } of pairs)
      expect([await client.ended(), await server.ended()]).toEqual([seen, seen])
    const next = await connected()
    next.client.socket.write('x')
    await next.server.untilLength(1)
  })
})

describe('refusing', () => {
  it('closes the port, keeps open connections, and opens the same port again', async () => {
    const open = await connected()
    await proxy.refuse()
    const refused = connect({ host: '127.0.0.1', port: proxy.port })
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNREFUSED')
    open.client.socket.write('x')
    await open.server.untilLength(1)
    await proxy.accept()
    const again = await connected()
    again.client.socket.write('y')
    await again.server.untilLength(1)
  })

  it('can accept and reset instead', async () => {
    await proxy.refuse('reset')
    // The reset may overtake the client's own notice of the connection, so there is no `connect` to wait for.
    const client = connect({ host: '127.0.0.1', port: proxy.port })
    const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException]
    expect(error.code).toBe('ECONNRESET')
    expect(proxy.accepted).toBe(0)
    await proxy.accept()
    await connected()
    expect(proxy.accepted).toBe(1)
  })
})

describe('options', () => {
  it.each<[string, Faults]>([
    ['toClient.latencyMs', { latencyMs: -1 }],
    ['toServer.latencyMs', { toServer: { latencyMs: Number.NaN } }],
    ['toClient.bytesPerSecond', { bytesPerSecond: 0 }],
    ['toClient.cutAfter.bytes', { cutAfter: { bytes: 1.5, ending: 'fin' } }],
  ])('names the option that cannot be: %s', (option, faults) => {
    expect(() => proxy.faults.set(faults)).toThrow(
      expect.objectContaining({ code: 'invalid-option', option }),
    )
  })

  it('refuses a target port that cannot be', async () => {
    await expect(startFaultProxy({ target: { port: 0 } })).rejects.toMatchObject({ option: 'target.port' })
  })
})

it('close ends every connection and the port', async () => {
  const { client } = await connected()
  proxy.faults.set({ latencyMs: 60_000 })
  client.socket.write('in flight')
  await proxy.close()
  await client.ended()
  expect(proxy.connections).toBe(0)
  const refused = connect({ host: '127.0.0.1', port: proxy.port })
  await once(refused, 'error')
})
