import { byteSourceSymbol, formatComment } from '@sse-toolkit/sse-server'
import type { ByteSink, ByteSinkListener, ByteSource, SharedBytes } from '@sse-toolkit/sse-server'
import { createVirtualClock } from '@sse-toolkit/test-support'
import type { VirtualClock } from '@sse-toolkit/test-support'
import { describe, expect, it } from 'vitest'
import { withFaults } from '../../apps/demo/src/server/faulty-connection.ts'
import type { FaultyConnection } from '../../apps/demo/src/server/faulty-connection.ts'
import { createReaderAccess } from '../../apps/demo/src/server/reader-access.ts'

const GREETING = formatComment('hello')

describe('a faulty connection', () => {
  const bytesOf = (text: string): SharedBytes => ({ bytes: Buffer.from(text), chunk: Buffer.from(text) })

  interface Rig {
    readonly clock: VirtualClock
    readonly connection: FaultyConnection
    /** What the hub writes to. */
    readonly sink: ByteSink
    /** What reached the server's sink. */
    readonly received: () => string
    readonly events: readonly string[]
    readonly serverSide: ByteSinkListener
  }

  function setUp(): Rig {
    const clock = createVirtualClock()
    const events: string[] = []
    let received = ''
    let connection: FaultyConnection | undefined
    let sink: ByteSink | undefined
    const source: ByteSource = {
      attach(attached) {
        sink = attached
        return { drained: () => events.push('drained'), closed: () => events.push('closed') }
      },
    }
    const response = Object.defineProperty(new Response(), byteSourceSymbol, { value: source })
    const wrapped = withFaults(response, {
      greeting: 'hello',
      runtime: { ...clock, wallClock: clock.now },
      onOpen: (opened) => {
        connection = opened
      },
      onClosed: () => events.push('gone'),
    }) as Response & { [byteSourceSymbol]: ByteSource }
    const serverSide = wrapped[byteSourceSymbol].attach({
      bufferedBytes: 0,
      write(shared) {
        received += Buffer.from(shared.bytes).toString()
        // A chunk of the chunked coding says its own length.
        if (!Buffer.from(shared.chunk).toString().includes(shared.bytes.length.toString(16)))
          events.push('bad chunk')
        return true
      },
      close: () => events.push('close'),
      abort: () => events.push('abort'),
    })
    if (connection === undefined || sink === undefined) throw new Error('nothing was attached')
    return { clock, connection, sink, received: () => received, events, serverSide }
  }

  it('passes everything on, after its greeting, until something is done to it', () => {
    const { sink, received, clock } = setUp()
    expect(sink.write({ ...bytesOf('data'), chunk: Buffer.from('4\r\ndata\r\n') })).toBe(true)
    expect(received()).toBe(`${GREETING}data`)
    expect(clock.pendingTimers).toBe(0)
  })

  it('is broken at once by a cut', () => {
    const { connection, events } = setUp()
    connection.cut()
    expect(events).toEqual(['abort'])
  })

  it('takes everything and sends nothing while it is silent, and is cut after a minute', async () => {
    const { connection, sink, received, events, clock } = setUp()
    connection.silence()
    expect(sink.write(bytesOf('lost'))).toBe(true)
    sink.close()
    expect([received(), sink.bufferedBytes, events]).toEqual([GREETING, 0, []])
    await clock.advance(59_999)
    expect(events).toEqual([])
    await clock.advance(1)
    expect(events).toEqual(['abort'])
  })

  it('takes 256 bytes a second while it is slow, in order, and says when it has room', async () => {
    const { connection, sink, received, events, clock } = setUp()
    connection.slow()
    const text = Array.from({ length: 100 }, (_, index) => `line ${index}\n`).join('')
    expect(sink.write(bytesOf(text))).toBe(false)
    expect(sink.bufferedBytes).toBe(text.length)
    await clock.advance(1_000)
    expect(received()).toBe(GREETING + text.slice(0, 256))
    expect(sink.bufferedBytes).toBe(text.length - 256)
    expect(events).toEqual([])
    await clock.advance(3_000)
    expect(received()).toBe(GREETING + text)
    expect(events).toEqual(['drained'])
  })

  it('is sound again a minute after it became slow, with nothing lost', async () => {
    const { connection, sink, received, events, clock } = setUp()
    connection.slow()
    const text = 'x'.repeat(20_000)
    sink.write(bytesOf(text))
    await clock.advance(60_000)
    expect([received().length, events]).toEqual([GREETING.length + text.length, ['drained']])
    expect(sink.write({ ...bytesOf('more'), chunk: Buffer.from('4\r\nmore\r\n') })).toBe(true)
    expect(clock.pendingTimers).toBe(0)
  })

  it.each(['silence', 'slow'] as const)('leaves no timer behind when it goes during %s', (fault) => {
    const { connection, sink, serverSide, events, clock } = setUp()
    connection[fault]()
    sink.write(bytesOf('data'))
    expect(clock.pendingTimers).toBeGreaterThan(0)
    serverSide.closed()
    expect([clock.pendingTimers, events, sink.bufferedBytes]).toEqual([0, ['gone', 'closed'], 0])
  })
})

describe('the access of a reader', () => {
  const READER = 'ab'.repeat(16)
  const OTHER = 'cd'.repeat(16)
  const requestWith = (token?: string): Request =>
    new Request(
      'http://localhost/',
      token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
    )

  function setUp(key = 'key') {
    let nowMs = 1_000
    const access = createReaderAccess(key, { wallClock: () => (nowMs += 1) })
    const tokenOf = (readerId: string): string => access.issueToken(readerId) ?? 'none'
    return { access, tokenOf }
  }

  it('needs no token before it has expired, and a later one after', () => {
    const { access, tokenOf } = setUp()
    const early = tokenOf(READER)
    expect(access.check(READER, requestWith())).toBe('granted')
    access.expire(READER)
    expect(access.check(READER, requestWith())).toBe('expired')
    expect(access.check(READER, requestWith(early))).toBe('expired')
    expect(access.check(READER, requestWith(tokenOf(READER)))).toBe('granted')
    expect(access.check(OTHER, requestWith())).toBe('granted')
  })

  it('takes no token of another reader, of another key, or with another time', () => {
    const { access, tokenOf } = setUp()
    access.expire(READER)
    const [, signature = ''] = tokenOf(READER).split('.')
    const forged = [tokenOf(OTHER), setUp('other').tokenOf(READER), `9999999.${signature}`, 'x.y', '']
    for (const token of forged) expect(access.check(READER, requestWith(token))).toBe('expired')
  })

  it('takes the tokens that another process with the same key has issued', () => {
    const [one, two] = [setUp(), setUp()]
    one.access.expire(READER)
    two.access.expire(READER)
    expect(two.access.check(READER, requestWith(one.tokenOf(READER)))).toBe('granted')
  })

  it('is refused, without a token, to a reader that was revoked, until it is let in again', () => {
    const { access } = setUp()
    access.revoke(READER)
    expect([access.check(READER, requestWith()), access.issueToken(READER)]).toEqual(['revoked', undefined])
    access.allow(READER)
    expect(access.check(READER, requestWith())).toBe('granted')
  })

  it('remembers a thousand readers, not more', () => {
    const { access } = setUp()
    for (let n = 0; n < 1_001; n += 1) access.revoke(n.toString(16).padStart(32, '0'))
    expect(access.check('0'.repeat(32), requestWith())).toBe('granted')
    expect(access.check('1'.padStart(32, '0'), requestWith())).toBe('revoked')
  })
})
