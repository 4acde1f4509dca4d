import { byteSourceSymbol, formatComment } from '@sse-toolkit/sse-server'
import type { ByteSink, ByteSinkListener, ByteSource, SharedBytes } from '@sse-toolkit/sse-server'
import { createVirtualClock } from '@sse-toolkit/testing'
import { findChromium, launchChromium } from '@sse-toolkit/test-support'
import type { VirtualClock } from '@sse-toolkit/testing'
import { describe, expect, it } from 'vitest'
import { createFaultAccount } from '../../apps/demo/src/page/connection/fault-account.ts'
import type { FaultAccount, FaultKind } from '../../apps/demo/src/page/connection/fault-account.ts'
import { withFaults } from '../../apps/demo/src/server/faulty-connection.ts'
import type { FaultyConnection } from '../../apps/demo/src/server/faulty-connection.ts'
import { createReaderAccess } from '../../apps/demo/src/server/reader-access.ts'
import { eventually, startDemo } from './running-demo.ts'

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

  it('passes everything on after its greeting, until a fault is injected', () => {
    const { sink, received, clock } = setUp()
    expect(sink.write({ ...bytesOf('data'), chunk: Buffer.from('4\r\ndata\r\n') })).toBe(true)
    expect(received()).toBe(`${GREETING}data`)
    expect(clock.pendingTimers).toBe(0)
  })

  it('breaks at once on a cut', () => {
    const { connection, events } = setUp()
    connection.cut()
    expect(events).toEqual(['abort'])
  })

  it('accepts everything and sends nothing while silent, and is cut after a minute', async () => {
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

  it('passes 256 bytes a second while slow, in order, and signals when it has room', async () => {
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

  it('recovers a minute after it became slow, with nothing lost', async () => {
    const { connection, sink, received, events, clock } = setUp()
    connection.slow()
    const text = 'x'.repeat(20_000)
    sink.write(bytesOf(text))
    await clock.advance(60_000)
    expect([received().length, events]).toEqual([GREETING.length + text.length, ['drained']])
    expect(sink.write({ ...bytesOf('more'), chunk: Buffer.from('4\r\nmore\r\n') })).toBe(true)
    expect(clock.pendingTimers).toBe(0)
  })

  it.each(['silence', 'slow'] as const)('leaves no timer behind when it closes during %s', (fault) => {
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

  it('needs no token before it has expired, and a newer one after', () => {
    const { access, tokenOf } = setUp()
    const early = tokenOf(READER)
    expect(access.check(READER, requestWith())).toBe('granted')
    access.expire(READER)
    expect(access.check(READER, requestWith())).toBe('expired')
    expect(access.check(READER, requestWith(early))).toBe('expired')
    expect(access.check(READER, requestWith(tokenOf(READER)))).toBe('granted')
    expect(access.check(OTHER, requestWith())).toBe('granted')
  })

  it('accepts no token of another reader, of another key, or with another time', () => {
    const { access, tokenOf } = setUp()
    access.expire(READER)
    const [, signature = ''] = tokenOf(READER).split('.')
    const forged = [tokenOf(OTHER), setUp('other').tokenOf(READER), `9999999.${signature}`, 'x.y', '']
    for (const token of forged) expect(access.check(READER, requestWith(token))).toBe('expired')
  })

  it('accepts tokens issued by another process with the same key', () => {
    const [one, two] = [setUp(), setUp()]
    one.access.expire(READER)
    two.access.expire(READER)
    expect(two.access.check(READER, requestWith(one.tokenOf(READER)))).toBe('granted')
  })

  it('is refused without a token to a revoked reader, until the reader is readmitted', () => {
    const { access } = setUp()
    access.revoke(READER)
    expect([access.check(READER, requestWith()), access.issueToken(READER)]).toEqual(['revoked', undefined])
    access.allow(READER)
    expect(access.check(READER, requestWith())).toBe('granted')
  })

  it('remembers at most a thousand readers', () => {
    const { access } = setUp()
    for (let n = 0; n < 1_001; n += 1) access.revoke(n.toString(16).padStart(32, '0'))
    expect(access.check('0'.repeat(32), requestWith())).toBe('granted')
    expect(access.check('1'.padStart(32, '0'), requestWith())).toBe('revoked')
  })
})

describe('the account of a fault', () => {
  const CAUSE = new Error('lost') as never
  const LOST = { state: 'reconnecting', attempt: 1, delayMs: 1_000, cause: CAUSE } as const
  const ATTEMPT = { state: 'connecting', attempt: 1 } as const
  const OPEN = { state: 'open', url: '', headers: new Headers() } as const
  const NOTHING_LOST = { caughtUp: 160, missing: 0, repeated: 0, hasGap: false }

  function begin(kind: FaultKind): { account: FaultAccount; pass: (ms: number) => void; hear: () => void } {
    let nowMs = 100_000
    let soundAtMs = nowMs - 80
    const account = createFaultAccount({
      kind,
      now: () => nowMs,
      soundAtMs: () => soundAtMs,
      deadAfterMs: () => 15_000,
    })
    return { account, pass: (ms) => void (nowMs += ms), hear: () => void (soundAtMs = nowMs) }
  }

  it('counts the silence up from the click, and down to when it is noticed', () => {
    const { account, pass } = begin('silence')
    expect(account.text).toBe('Silent for 0 s; noticed in 15 s.')
    pass(3_000)
    expect(account.text).toBe('Silent for 3 s; noticed in 12 s.')
    pass(12_400)
    expect(account.text).toBe('Silent for 15 s; noticed any moment.')
    account.onStatus(LOST)
    expect(account.text).toBe('Noticed after 15 s. Attempt 1 in 1.0 s.')
    pass(850)
    expect(account.text).toBe('Noticed after 15 s. Attempt 1 in 200 ms.')
    account.onStatus(ATTEMPT)
    expect(account.text).toBe('Noticed after 15 s. Attempt 1 is under way.')
    account.onStatus(OPEN)
    expect([account.text, account.isOver]).toEqual(['Noticed after 15 s; reconnected, catching up.', false])
    account.onResumed(NOTHING_LOST)
    pass(60_000)
    expect([account.text, account.isOver]).toEqual([
      'Noticed after 15 s; reconnected 850 ms later, caught up on 160 numbers, nothing missing, nothing twice.',
      true,
    ])
  })

  it('begins the silence with the last byte, which may come after the click', () => {
    const { account, pass, hear } = begin('silence')
    pass(1_000)
    hear()
    pass(2_000)
    expect(account.text).toBe('Silent for 2 s; noticed in 13 s.')
  })

  it('is over when the connection is reopened for another tab', () => {
    const { account } = begin('silence')
    account.onStatus({ state: 'connecting', attempt: 0 })
    account.onStatus(OPEN)
    expect([account.text, account.isOver]).toEqual([
      'Over: another tab joined, and the connection was reopened for it.',
      true,
    ])
  })

  it.each<[FaultKind, before: string, noticed: string]>([
    ['cut', 'Cut for 2 s; not noticed yet.', 'Noticed after 2.0 s. Attempt 1 in 1.0 s.'],
    [
      'slow',
      'Slow for 2 s; the hub gives up on this reader once 32\u00A0kB wait, after 10 to 15 s.',
      'Noticed after 2.0 s. Attempt 1 in 1.0 s.',
    ],
    [
      'restart',
      'Restarting for 2 s; the old server ends its streams within a second.',
      'Noticed after 2.0 s. Attempt 1 in 1.0 s.',
    ],
    ['offline', 'Offline for 2 s; not noticed yet.', 'Offline for 2 s. Attempt 1 in 1.0 s.'],
  ])('describes the course and the result of %s', (kind, before, noticed) => {
    const { account, pass } = begin(kind)
    pass(2_000)
    expect(account.text).toBe(before)
    account.onStatus(LOST)
    expect(account.text).toBe(noticed)
  })

  it('waits for as long as the browser is revoked', () => {
    const { account, pass } = begin('revoke')
    account.onStatus(LOST)
    account.onStatus({ state: 'closed', reason: 'no-content' })
    pass(7_000)
    expect(account.text).toBe('Closed for 7 s: the server answered 204. The log keeps new events for you.')
    account.onStatus({ state: 'connecting', attempt: 0 })
    account.onStatus(OPEN)
    account.onResumed({ caughtUp: 1, missing: 0, repeated: 0, hasGap: false })
    expect(account.text).toBe(
      'Readmitted after 7.0 s; caught up on 1 number, nothing missing, nothing twice.',
    )
  })

  it.each([
    [{ ...NOTHING_LOST, missing: 2, repeated: 1 }, 'caught up on 160 numbers, 2 missing, 1 twice.'],
    [{ ...NOTHING_LOST, hasGap: true }, 'with a gap, which the stream has announced.'],
  ])('reports the losses in %j', (resumption, text) => {
    const { account } = begin('cut')
    account.onStatus(LOST)
    account.onStatus(OPEN)
    account.onResumed(resumption)
    expect(account.text).toContain(text)
  })

  it('does not take the end of an earlier loss for its own', () => {
    const { account } = begin('offline')
    account.onResumed(NOTHING_LOST)
    expect(account.isOver).toBe(false)
  })
})

const chromium = findChromium()

it.skipIf(chromium.skip)(
  'breaking shows where one looks: next to the button, and in what stays in sight',
  async () => {
    const demo = await startDemo()
    const browser = await launchChromium(chromium)
    try {
      const page = await browser.newPage({ viewport: { width: 390, height: 700 } })
      await page.goto(demo.pageUrl)
      const textOf = (selector: string) => (): Promise<string> => page.locator(selector).innerText()
      await eventually(textOf('#status')).toBe('Live')
      await page.getByRole('button', { name: 'Cut the connection' }).click()
      await eventually(textOf('#cut-report')).toMatch(
        /^Noticed after .+; reconnected .+ later, caught up on .+, nothing missing, nothing twice\.$/,
      )
      await page.getByRole('link', { name: 'Connection', exact: true }).click()
      await page.getByRole('button', { name: 'Go silent' }).click()
      const report = textOf('#fault-silence-report')
      expect(await report()).toMatch(/^Silent for 0 s; noticed in 1[4-9] s\.$/)
      await eventually(textOf('#status')).toMatch(/^Silent for [2-9] s$/)
      await eventually(report).toMatch(/^Silent for [2-9] s; noticed in 1\d s\.$/)
      expect(await page.locator('#status').isVisible()).toBe(true)
      const { y = -1 } = (await page.locator('#status').boundingBox()) ?? {}
      expect(y).toBeGreaterThanOrEqual(0)
      expect(y).toBeLessThan(120)
      // Another one takes its place.
      await page.getByRole('button', { name: 'Go offline' }).click()
      await eventually(textOf('#fault-offline-report')).toMatch(/^Offline for \d s\. Attempt \d+ /)
      expect(await report()).toBe('')
      await page.getByRole('button', { name: 'Go online' }).click()
      await eventually(textOf('#fault-offline-report')).toMatch(
        /^Offline for .+ s; reconnected, caught up on .+, nothing missing, nothing twice\.$/,
      )
      await eventually(textOf('#status')).toBe('Live')
    } finally {
      await browser.close()
      await demo.process.kill()
    }
  },
)
