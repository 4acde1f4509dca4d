import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RequestListener, Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { createRouter } from '@sse-toolkit/http-core'
import { findChromium, launchChromium } from '@sse-toolkit/test-support'
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { findingsOf } from '@sse-toolkit/cli/inspect'
import type { Observation } from '@sse-toolkit/cli/inspect'
import type { InspectOrder, ObservedHead } from '@sse-toolkit/cli/inspect'
import { maxLineBytes, createStreamReader } from '@sse-toolkit/cli/inspect'
import { exchange } from '@sse-toolkit/cli/inspect/node'
import { inspect } from '@sse-toolkit/cli/inspect/node'
import type { InspectEvent } from '@sse-toolkit/cli/inspect/node'
import { parseOrder } from '../../apps/demo/src/server/inspect/order.ts'
import { addInspectRoutes } from '../../apps/demo/src/server/inspect/routes.ts'
import { reachOf } from '../../apps/demo/src/server/inspect/reach.ts'
import { systemRuntime } from '../../apps/demo/src/server/runtime.ts'
import { startDemo } from './running-demo.ts'
import type { RunningDemo } from './running-demo.ts'

const GOOD_FIELDS: ObservedHead['fields'] = [
  ['Content-Type', 'text/event-stream'],
  ['Cache-Control', 'no-cache, no-transform'],
  ['Access-Control-Allow-Origin', '*'],
]
const GOOD_HEAD: ObservedHead = {
  atMs: 10,
  status: 200,
  statusText: 'OK',
  fields: GOOD_FIELDS,
  url: 'http://localhost/',
  redirects: [],
}
/** Without a fault: whatever is added to it is the case. */
const GOOD_START = ': heartbeat 15000\nretry: 1000\n\nid: 1\ndata: a\n\n'

type Read = readonly [atMs: number, content: string | Uint8Array]

function observe(
  reads: readonly Read[],
  more: Partial<Omit<Observation, 'head' | 'reading'>> & { head?: Partial<ObservedHead> } = {},
): Observation {
  const reader = createStreamReader()
  for (const [atMs, content] of reads)
    reader.read(atMs, typeof content === 'string' ? Buffer.from(content) : content)
  return {
    head: { ...GOOD_HEAD, ...more.head },
    reading: reader.reading,
    end: more.end,
    watchedMs: more.watchedMs ?? reads.at(-1)?.[0] ?? 10,
  }
}

const codesOf = (observation: Observation): readonly string[] =>
  findingsOf(observation).map(({ severity, code }) => `${severity} ${code}`)

/** Fields of a good response, but for one. */
const withField = (name: string, value?: string): Partial<ObservedHead> => ({
  fields: [
    ...GOOD_FIELDS.filter(([each]) => each.toLowerCase() !== name),
    ...(value === undefined ? [] : [[name, value] as const]),
  ],
})

const events = (from: number, count: number): string =>
  Array.from({ length: count }, (_, index) => `id: ${from + index}\ndata: x\n\n`).join('')

const timedEvent = (id: number, at: number): string => `id: ${id}\ndata: {"at":${at}}\n\n`

describe('the findings', () => {
  it('finds no fault in a correct stream', () => {
    expect(codesOf(observe([[20, GOOD_START]]))).toEqual([])
  })

  it.each<
    [name: string, expected: readonly string[], reads: readonly Read[], more?: Parameters<typeof observe>[1]]
  >([
    [
      'a status that is not 200',
      ['error status'],
      [],
      { head: { status: 500, statusText: 'Internal Server Error' } },
    ],
    ['a stream that is over', ['warning status'], [], { head: { status: 204 } }],
    [
      'a page in the place of a stream',
      ['error content-type'],
      [[20, '<!doctype html>']],
      { head: withField('content-type', 'text/html') },
    ],
    ['no content type', ['error content-type'], [[20, GOOD_START]], { head: withField('content-type') }],
    [
      'another charset',
      ['warning charset'],
      [[20, GOOD_START]],
      { head: withField('content-type', 'text/event-stream; charset=latin1') },
    ],
    [
      'the charset that is right',
      [],
      [[20, GOOD_START]],
      { head: withField('content-type', 'Text/Event-Stream;charset=UTF-8') },
    ],
    [
      'compression',
      ['warning compression'],
      [[20, GOOD_START]],
      { head: { fields: [...GOOD_FIELDS, ['Content-Encoding', 'gzip']] } },
    ],
    [
      'compression from which nothing comes',
      ['error compression', 'note silent-start'],
      [],
      { watchedMs: 4_000, head: { fields: [...GOOD_FIELDS, ['Content-Encoding', 'gzip']] } },
    ],
    [
      'a missing Cache-Control',
      ['warning cache-control'],
      [[20, GOOD_START]],
      { head: withField('cache-control') },
    ],
    [
      'no no-transform',
      ['note no-transform'],
      [[20, GOOD_START]],
      { head: withField('cache-control', 'no-cache') },
    ],
    [
      'a Content-Length',
      ['warning content-length'],
      [[20, GOOD_START]],
      { head: { fields: [...GOOD_FIELDS, ['content-length', '40']] } },
    ],
    [
      'no CORS, where the server says that it is for its own origin',
      [],
      [[20, GOOD_START]],
      {
        head: {
          fields: [
            ...GOOD_FIELDS.filter(([name]) => !/^access-control/i.test(name)),
            ['Cross-Origin-Resource-Policy', 'same-origin'],
          ],
        },
      },
    ],
    ['no CORS', ['note no-cors'], [[20, GOOD_START]], { head: withField('access-control-allow-origin') }],
    [
      'a certificate of nobody',
      ['warning certificate'],
      [[20, GOOD_START]],
      { head: { certificateProblem: 'DEPTH_ZERO_SELF_SIGNED_CERT' } },
    ],
    ['a redirect', ['note redirect'], [[20, GOOD_START]], { head: { redirects: ['http://localhost/old'] } }],
    ['a head that came late', ['warning slow-head'], [[5_020, GOOD_START]], { head: { atMs: 5_000 } }],
    ['silence from the beginning', ['note silent-start'], [], { watchedMs: 4_000 }],
    [
      'an event in pieces',
      ['error torn-events'],
      [
        [20, `${GOOD_START}id: 2\ndata: half`],
        [2_020, ' an event\n\n'],
      ],
    ],
    [
      'a CR LF between two reads',
      [],
      [
        [20, ': heartbeat 15000\r\nretry: 1\u0030\u0030\u0030\r\n\r\nid: 1\r\ndata: a\r\n\r'],
        [3_000, '\nid: 2\r\ndata: b\r\n\r\n'],
      ],
    ],
    [
      'bursts',
      ['warning bursts'],
      [
        [20, GOOD_START],
        [2_000, events(2, 10)],
        [4_000, events(12, 10)],
      ],
    ],
    [
      'a replay and then an event now and again',
      [],
      [
        [20, GOOD_START + events(2, 50)],
        [2_000, events(52, 1)],
        [4_000, events(53, 1)],
      ],
    ],
    [
      'events that were held back, by their own times',
      ['warning late-events'],
      [
        [20, GOOD_START],
        ...Array.from({ length: 20 }, (_, index): Read => [
          5_000,
          `id: ${index + 2}\ndata: {"at":${1_700_000_000_000 + index * 200}}\n\n`,
        ]),
      ],
    ],
    [
      'the minutes that a log still holds, and then what happens',
      [],
      [
        [20, GOOD_START],
        ...Array.from({ length: 600 }, (_, index): Read => [
          20 + Math.floor(index / 10),
          timedEvent(index + 2, 1_700_000_000_000 + index * 200),
        ]),
        ...Array.from({ length: 30 }, (_, index): Read => [
          100 + index * 200,
          timedEvent(index + 602, 1_700_000_120_000 + index * 200),
        ]),
      ],
    ],
    [
      'what a log still holds, and then events that are held back',
      ['warning late-events'],
      [
        [20, GOOD_START],
        ...Array.from({ length: 40 }, (_, index): Read => [
          20,
          timedEvent(index + 2, 1_700_000_000_000 + index * 200),
        ]),
        ...Array.from({ length: 7 }, (_, index): Read => [
          4_000,
          timedEvent(index + 42, 1_700_000_008_000 + index * 400),
        ]),
        ...Array.from({ length: 7 }, (_, index): Read => [
          8_000,
          timedEvent(index + 49, 1_700_000_012_000 + index * 400),
        ]),
      ],
    ],
    [
      'no heartbeat',
      ['error no-heartbeat'],
      [[20, 'retry: 1000\n\nid: 1\ndata: a\n\n']],
      { watchedMs: 25_000 },
    ],
    [
      'an announced heartbeat that does not come',
      ['error late-heartbeat'],
      [[20, GOOD_START]],
      { watchedMs: 25_000 },
    ],
    ['no ids', ['warning no-ids'], [[20, ': heartbeat 15000\nretry: 1000\n\ndata: a\n\n']]],
    ['an id twice', ['warning repeated-ids'], [[20, `${GOOD_START}id: 1\ndata: b\n\n`]]],
    ['an id with NUL', ['error id-with-nul'], [[20, `${GOOD_START}id: a\0b\ndata: b\n\n`]]],
    ['no retry', ['note no-retry'], [[20, ': heartbeat 15000\n\nid: 1\ndata: a\n\n']]],
    ['an invalid retry', ['warning bad-retry'], [[20, `${GOOD_START}retry: 1s\n\n`]]],
    ['a retry of nothing', ['warning short-retry'], [[20, `${GOOD_START}retry: 0\n\n`]]],
    ['a retry of an hour', ['note long-retry'], [[20, `${GOOD_START}retry: 3600000\n\n`]]],
    ['a field in capitals', ['error unknown-field'], [[20, `${GOOD_START}Data: b\n\n`]]],
    ['pasted lines', ['error unknown-field'], [[20, `${GOOD_START}id: 2\ndata: {\n  "a": 1\n}\n\n`]]],
    ['a type without data', ['warning no-data'], [[20, `${GOOD_START}event: ping\n\n`]]],
    ['CR alone', ['warning cr-only'], [[20, GOOD_START.replaceAll('\n', '\r')]]],
    ['CR LF alone', [], [[20, GOOD_START.replaceAll('\n', '\r\n')]]],
    ['mixed line endings', ['note mixed-line-endings'], [[20, `${GOOD_START}id: 2\r\ndata: b\r\n\r\n`]]],
    ['a byte order mark', ['note byte-order-mark'], [[20, `\uFEFF${GOOD_START}`]]],
    [
      'a byte order mark inside',
      ['error unknown-field', 'error byte-order-mark-inside'],
      [[20, `${GOOD_START}\uFEFFdata: b\n\n`]],
    ],
    [
      'bytes that are not UTF-8',
      ['error invalid-utf-8'],
      [
        [20, GOOD_START],
        [30, Uint8Array.of(100, 97, 116, 97, 58, 0xff, 10, 10)],
      ],
    ],
    [
      'an endless line',
      ['error endless-line'],
      [
        [20, GOOD_START],
        [30, `data: ${'x'.repeat(maxLineBytes)}`],
      ],
    ],
    ['no empty line at all', ['error no-empty-line', 'note no-retry'], [[20, 'data: a\n']]],
    [
      'an end inside of an event',
      ['error unfinished-event'],
      [[20, `${GOOD_START}data: b\n`]],
      { end: { atMs: 30, reason: 'ended' } },
    ],
    ['an end', ['note ended'], [[20, GOOD_START]], { end: { atMs: 30, reason: 'ended' } }],
    ['a cut', ['warning cut'], [[20, GOOD_START]], { end: { atMs: 30, reason: 'cut', message: 'aborted' } }],
    ['an end that the inspector made', [], [[20, GOOD_START]], { end: { atMs: 30, reason: 'time-limit' } }],
  ])('are, of %s: %j', (_name, expected, reads, more) => {
    expect(codesOf(observe(reads, more))).toEqual(expected)
    for (const { text, hint } of findingsOf(observe(reads, more))) expect([text, hint]).not.toContain('')
  })

  it('says why there was no answer', () => {
    const end = { atMs: 5, reason: 'failed', message: 'connect ECONNREFUSED' } as const
    const [found] = findingsOf({ ...observe([]), head: undefined, end })
    expect(found).toMatchObject({ code: 'no-answer', text: 'There was no answer: connect ECONNREFUSED' })
  })

  it('reports an address outside its rule, not a server that is down', () => {
    const end = { atMs: 5, reason: 'not-allowed', message: '192.0.2.1 is not this machine' } as const
    expect(findingsOf({ ...observe([]), head: undefined, end })).toEqual([
      {
        code: 'not-allowed',
        severity: 'error',
        text: '192.0.2.1 is not this machine.',
        hint: 'Nothing was sent there.',
      },
    ])
  })

  it('finds the same byte by byte as in one piece', () => {
    const bytes = Buffer.from(`\uFEFF: c\r\n\r\nid: 1\rdata: \u00e4\n\n\nevent: e\nX: y\ndata:\ndata: 2\n\n`)
    const whole = createStreamReader()
    whole.read(1, bytes)
    const pieces = createStreamReader()
    for (const byte of bytes) pieces.read(1, Uint8Array.of(byte))
    const { arrivals: _one, beginning: _text, ...expected } = whole.reading
    expect(pieces.reading).toMatchObject(expected)
    expect(whole.reading.blocks.map(({ data, id, type }) => [data, id, type])).toEqual([
      [undefined, undefined, undefined],
      ['\u00e4', '1', undefined],
      ['\n2', undefined, 'e'],
    ])
  })

  it('keeps a bounded part of an endless stream', () => {
    const reader = createStreamReader()
    for (let read = 0; read < 12_000; read += 1) reader.read(read, Buffer.from(`id: ${read}\ndata: x\n\n`))
    expect(reader.reading.counts.events).toBe(12_000)
    expect(reader.reading.blocks).toHaveLength(1_000)
    expect(reader.reading.arrivals).toHaveLength(10_000)
  })
})

describe('the parameters of an inspection', () => {
  it.each([
    [{}, 'url is missing: it must be an http or https URL'],
    [{ url: 'file:///etc/passwd' }, 'url is "file:///etc/passwd": it must be an http or https URL'],
    [{ url: 'http://a/', method: 'DELETE' }, 'method is "DELETE": it must be GET or POST'],
    [{ url: 'http://a/', body: 'x' }, 'body is "x": it must be a text, of a POST only'],
    [{ url: 'http://a/', seconds: 0 }, 'seconds is 0: it must be a number from 1 to 120'],
    [{ url: 'http://a/', fields: [['a b', 'c']] }, 'fields: Header name must be a valid HTTP token ["a b"]'],
    [{ url: 'http://a/', fields: [['a', 'b\r\nc: d']] }, 'fields: Invalid character in header content ["a"]'],
    [
      { url: 'http://a/', fields: [['Host', 'b']] },
      'fields is "Host": it must be fields that do not frame the request',
    ],
    [null, 'url is missing: it must be an http or https URL'],
  ])('%j is refused: %s', (order, message) => {
    expect(() => parseOrder(order)).toThrow(expect.objectContaining({ code: 'invalid-order', message }))
  })
})

describe('the inspector', () => {
  const servers: Server[] = []

  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.close()
      server.closeAllConnections()
    }
  })

  async function serve(listener: RequestListener): Promise<string> {
    const server = createServer(listener).listen(0, '127.0.0.1')
    servers.push(server)
    await once(server, 'listening')
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  }

  const orderOf = (url: string, more: Partial<InspectOrder> = {}): InspectOrder => ({
    ...parseOrder({ url }),
    ...more,
  })

  async function look(order: InspectOrder): Promise<InspectEvent[]> {
    const { signal } = new AbortController()
    const seen: InspectEvent[] = []
    for await (const event of inspect({ order, reach: reachOf('loopback'), runtime: systemRuntime, signal }))
      seen.push(event)
    return seen
  }

  const contentOf = (seen: readonly InspectEvent[]): string =>
    seen
      .map((each) => (each.event === 'chunk' ? Buffer.from(each.data.base64, 'base64').toString() : ''))
      .join('')

  it('reports head, bytes and end of a response', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).end('data: 1\n\n')
    })
    const seen = await look(orderOf(url))
    expect(seen[0]).toMatchObject({
      event: 'head',
      data: { status: 200, statusText: 'OK', url, redirects: [] },
    })
    expect(seen[0]).toHaveProperty(
      ['data', 'fields'],
      expect.arrayContaining([['Content-Type', 'text/event-stream']]),
    )
    expect(contentOf(seen)).toBe('data: 1\n\n')
    expect(seen.at(-1)).toMatchObject({ event: 'end', data: { reason: 'ended' } })
  })

  it('sends the given method, header fields and content', async () => {
    const url = await serve((request, response) => {
      response.write(`${request.method} ${request.headers.authorization} `)
      request.pipe(response)
    })
    const seen = await look(
      orderOf(url, { method: 'POST', body: 'ask', fields: [['Authorization', 'Bearer 1']] }),
    )
    expect(contentOf(seen)).toBe('POST Bearer 1 ask')
  })

  it('decompresses as it reads, and keeps the Content-Encoding field', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('data: 1\n\n'))
    })
    const seen = await look(orderOf(url))
    expect(contentOf(seen)).toBe('data: 1\n\n')
    expect(seen[0]).toHaveProperty(['data', 'fields'], expect.arrayContaining([['content-encoding', 'gzip']]))
  })

  it('distinguishes a cut from an end', async () => {
    const url = await serve((_request, response) => {
      response.write('data: 1\n\n', () => response.destroy())
    })
    expect((await look(orderOf(url))).at(-1)).toMatchObject({ data: { reason: 'cut', message: 'aborted' } })
  })

  it('survives a reset, plain and compressed', async () => {
    for (const headers of [{}, { 'content-encoding': 'gzip' }]) {
      const url = await serve((_request, response) => {
        response.writeHead(200, headers)
        response.write(gzipSync('data: 1\n\n'), () => response.socket?.resetAndDestroy())
      })
      expect((await look(orderOf(url))).at(-1)).toMatchObject({ event: 'end', data: { reason: 'cut' } })
    }
  })

  it('names the redirect target if it is not an http URL', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(302, { location: 'file:///etc/passwd' }).end()
    })
    await expect(
      exchange(orderOf(url), reachOf('loopback'), new AbortController().signal),
    ).rejects.toMatchObject({
      code: 'bad-redirect',
    })
  })

  it('ends when its time is over, and releases the connection', async () => {
    const left = Promise.withResolvers<void>()
    const url = await serve((_request, response) => {
      response.flushHeaders()
      response.on('close', left.resolve)
    })
    expect((await look(orderOf(url, { seconds: 0.1 }))).at(-1)).toMatchObject({
      data: { reason: 'time-limit' },
    })
    await left.promise
  })

  it('reads at most 4 MiB, also if they decompress from a few bytes', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(8 * 1024 * 1024)))
    })
    const seen = await look(orderOf(url))
    expect(contentOf(seen)).toHaveLength(4 * 1024 * 1024)
    expect(seen.at(-1)).toMatchObject({ data: { reason: 'byte-limit' } })
  })

  it('says why there is no answer', async () => {
    const url = await serve(() => {})
    servers[0]?.close()
    expect(await look(orderOf(url))).toMatchObject([
      {
        event: 'end',
        data: { reason: 'failed', message: expect.stringContaining('ECONNREFUSED') as string },
      },
    ])
  })

  it('connects to this machine only, also on a redirect or with a name that resolves elsewhere', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(302, { location: 'http://192.0.2.1/' }).end()
    })
    const { signal } = new AbortController()
    for (const target of [
      'http://192.0.2.1/',
      'http://[2001:db8::1]/',
      'http://0.0.0.0/',
      'http://[::ffff:c000:201]/',
      url,
    ])
      await expect(exchange(orderOf(target), reachOf('loopback'), signal)).rejects.toMatchObject({
        code: 'not-allowed',
      })
  })

  it('reports an address outside its rule, and ends', async () => {
    expect(await look(orderOf('http://192.0.2.1/'))).toEqual([
      {
        event: 'end',
        data: {
          atMs: expect.any(Number) as number,
          reason: 'not-allowed',
          message:
            'This demo inspects servers on this machine only, and 192.0.2.1 is not on it. To allow other addresses, start the demo with --allow-inspect',
        },
      },
    ])
  })

  it('reaches a server on either address of localhost', async () => {
    const url = new URL(await serve((_request, response) => response.end('here')))
    url.hostname = 'localhost'
    expect(contentOf(await look(orderOf(url.href)))).toBe('here')
  })

  it('follows redirects on this machine, drops secrets across origins, and ends a loop', async () => {
    const second = await serve((request, response) => {
      response.end(`${request.method} ${request.headers.authorization} ${String(request.headers['x-kept'])}`)
    })
    const first = await serve((_request, response) => {
      response.writeHead(302, { location: second }).end()
    })
    const fields = [
      ['Authorization', 'Bearer 1'],
      ['X-Kept', 'yes'],
    ] as const
    const seen = await look(orderOf(first, { method: 'POST', body: 'ask', fields }))
    expect(seen[0]).toMatchObject({ data: { url: second, redirects: [first] } })
    expect(contentOf(seen)).toBe('GET undefined yes')
    const circle = await serve((_request, response) => {
      response.writeHead(302, { location: '/' }).end()
    })
    expect((await look(orderOf(circle))).at(-1)).toMatchObject({
      data: { reason: 'failed', message: expect.stringContaining('more than 5 redirects') as string },
    })
  })

  describe('its route', () => {
    const router = createRouter()
    addInspectRoutes(router, { reach: 'loopback', runtime: systemRuntime })

    const ask = (body: unknown): Promise<Response> =>
      Promise.resolve(
        router.fetch(
          new Request('http://127.0.0.1/inspect', {
            method: 'POST',
            body: typeof body === 'string' ? body : JSON.stringify(body),
          }),
        ),
      )

    it('answers with an event stream', async () => {
      const url = await serve((_request, response) => {
        response.end('data: 1\n\n')
      })
      const response = await ask({ url })
      expect(response.headers.get('content-type')).toBe('text/event-stream')
      expect(await response.text()).toMatch(
        /event: head\ndata: {.+}\n\nevent: chunk\ndata: {.+}\n\nevent: end\n/s,
      )
    })

    it('refuses invalid parameters', async () => {
      expect((await ask('no JSON')).status).toBe(400)
      const response = await ask({ url: 'ftp://a/' })
      expect([response.status, await response.text()]).toEqual([
        400,
        'url is "ftp://a/": it must be an http or https URL.\n',
      ])
    })

    it('runs four at once, and releases one whose page closed', async () => {
      const url = await serve((_request, response) => response.flushHeaders())
      const readers = await Promise.all(
        Array.from({ length: 4 }, async () => (await ask({ url })).body?.getReader()),
      )
      await Promise.all(readers.map(async (reader) => reader?.read()))
      expect((await ask({ url })).status).toBe(429)
      await Promise.all(readers.map(async (reader) => reader?.cancel()))
      await expect.poll(async () => (await ask({ url })).status).toBe(200)
    })
  })
})

const chromium = findChromium()

describe.skipIf(chromium.skip)('the Inspect view', () => {
  let browser: Browser
  let demo: RunningDemo

  beforeAll(async () => {
    browser = await launchChromium(chromium)
    demo = await startDemo()
  })
  afterAll(async () => {
    await browser.close()
    await demo.process.kill()
  })

  it('shows what a broken stream sends, and how to fix it', async () => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end('Data: <b>x</b>\n\ndata: a\n\n')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const page = await browser.newPage()
    const troubles: string[] = []
    page.on('pageerror', (error) => troubles.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error') troubles.push(message.text())
    })
    await page.goto(`${demo.pageUrl}#/inspect`)
    await page.getByLabel('Address').fill(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    await page.getByLabel('Header fields').fill('no field')
    await page.getByRole('button', { name: 'Inspect' }).click()
    await expect
      .poll(() => page.getByRole('alert').innerText())
      .toBe('This is not a header field, "Name: value": no field')
    await page.getByLabel('Header fields').fill('X-Test: 1')
    await page.getByRole('button', { name: 'Inspect' }).click()
    const findings = page.locator('.inspect-findings')
    await expect
      .poll(() => findings.innerText())
      .toContain('Readers ignore these lines, which are not fields: "Data".')
    await expect.poll(() => findings.innerText()).toContain('The server ended the stream')
    expect(await page.locator('.inspect-summary').innerText()).toMatch(
      /^Status 200 after .+ 1 event, 0 comments/,
    )
    expect(await page.locator('.inspect-fields').innerText()).toContain('content-type\ntext/event-stream')
    expect(await page.locator('.inspect-bytes').innerText()).toContain('Data: <b>x</b>')
    await page.getByLabel('Show as').selectOption('hex')
    expect(await page.locator('.inspect-bytes').innerText()).toContain('0000  44 61 74 61 3a 20 3c 62')
    expect(await page.locator('.inspect-summary').innerText()).toMatch(/ \d problems to fix\.$/)
    expect(troubles).toEqual([])
    // The inspector finds nothing wrong with the demo's own stream, live and with all of its history.
    await page.getByLabel('Address').fill(`${demo.url}events`)
    await page.getByLabel('Seconds').fill('1')
    for (const fields of ['', 'Last-Event-ID: earliest']) {
      await page.getByLabel('Header fields').fill(fields)
      await page.getByRole('button', { name: 'Inspect' }).click()
      await expect
        .poll(() => page.locator('.inspect-summary').innerText())
        .toMatch(/^Status 200 after .+ in 1\.0 s\. Nothing to fix\.$/)
      expect(await findings.innerText()).toBe('')
    }
    await page.getByLabel('Header fields').fill('')
    await page.getByLabel('Address').fill('http://192.0.2.1/')
    await page.getByRole('button', { name: 'Inspect' }).click()
    await expect.poll(() => findings.innerText()).toContain('This demo inspects servers on this machine only')
    expect(await page.locator('.inspect-summary').innerText()).toBe('Not inspected.')
    // The page shows a refusal in the server's words; the browser also logs it.
    await page.getByLabel('Header fields').fill('Host: example.org')
    await page.getByRole('button', { name: 'Inspect' }).click()
    await expect
      .poll(() => page.locator('.inspect-summary').innerText())
      .toBe('fields is "Host": it must be fields that do not frame the request.')
    await page.close()
    server.close()
  })
})
