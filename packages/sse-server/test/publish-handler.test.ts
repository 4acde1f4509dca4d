import { Response as UndiciResponse } from 'undici'
import { describe, expect, it } from 'vitest'
import { createHub, createPublishHandler, memoryLog, topic } from '@sse-toolkit/sse-server'
import type { Hub, HubReading, PublishHandlerOptions, StandardSchema } from '@sse-toolkit/sse-server'
import { elapse } from './test-logs.ts'
import { createVirtualRuntime } from './virtual-runtime.ts'

interface Given {
  readonly method?: string
  readonly target?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array<ArrayBuffer> | ReadableStream | null
}

function setUp(options: Partial<PublishHandlerOptions> = {}, hub: Hub = createHub()) {
  const errors: unknown[] = []
  const publish = createPublishHandler(hub, {
    authorize: () => ({}),
    onError: (error) => errors.push(error),
    ...options,
  })
  const send = async ({ method = 'POST', target = '/?topic=a', headers, body }: Given = {}) => {
    const given = body === undefined ? '{"data":"x"}' : body
    const request = new Request(`http://localhost${target}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(method !== 'GET' && method !== 'HEAD' && given !== null && { body: given, duplex: 'half' }),
    })
    const response = await publish(request)
    const text = await response.text()
    return { status: response.status, headers: response.headers, json: text === '' ? null : JSON.parse(text) }
  }
  return { hub, errors, send }
}

async function heldBy(hub: Hub, name = 'a'): Promise<readonly HubReading[]> {
  const after = await hub.position()
  const held: HubReading[] = []
  if (after.endsWith('-0')) return held
  for await (const reading of hub.read([name], { after: 'earliest' })) {
    held.push(reading)
    if (reading.id === after) break
  }
  return held
}

async function dataOf(hub: Hub, name?: string): Promise<readonly unknown[]> {
  return (await heldBy(hub, name)).map((reading) => reading.type === 'event' && [reading.event, reading.data])
}

describe('publishing over HTTP', () => {
  it('stores one event, and answers 201 with its id', async () => {
    const { hub, send } = setUp()
    const { status, json, headers } = await send({ body: '{"event":"paid","data":{"total":12}}' })
    expect([status, json]).toEqual([201, { id: await hub.position(), stored: true }])
    expect(headers.get('content-type')).toBe('application/json')
    expect(await dataOf(hub)).toEqual([['paid', '{"total":12}']])
  })

  it.each([
    ['a string', '{"data":"a\\nb"}', [['message', 'a\nb']]],
    ['null', '{"data":null}', [['message', 'null']]],
    [
      'several events',
      '[{"data":1},{"data":2,"event":"b","key":"k"}]',
      [
        ['message', '1'],
        ['b', '2'],
      ],
    ],
  ])('takes %s as JSON', async (_name, body, expected) => {
    const { hub, send } = setUp()
    expect((await send({ body })).status).toBe(201)
    expect(await dataOf(hub)).toEqual(expected)
  })

  it.each([
    ['LF', '\n'],
    ['CR', '\r'],
    ['CRLF', '\r\n'],
  ])('takes an event stream with lines that end in %s', async (_name, eol) => {
    const { hub, send } = setUp()
    const lines = [
      ': hi',
      'retry: 5',
      'id: 7',
      'event: b',
      'data: one',
      'data:two',
      '',
      'id: 8',
      '',
      'data',
      '',
      '',
    ]
    const headers = { 'content-type': 'text/event-stream; charset=UTF-8' }
    const { status, json } = await send({ headers, body: `\uFEFF${lines.join(eol)}` })
    expect(status).toBe(201)
    expect(json).toMatchObject({ ids: [expect.any(String), await hub.position()], stored: true })
    expect(await dataOf(hub)).toEqual([
      ['b', 'one\ntwo'],
      ['message', ''],
    ])
  })

  it.each([
    ['unfinished-event', 'data: one\n\ndata: half\n'],
    ['unfinished-event', 'data: one\n\ndata: ha'],
    ['unfinished-event', 'data: one\n\nevent: b\n'],
    ['no-events', ': only a comment\n\n'],
    ['no-events', 'event: b\n\n'],
    ['reserved-event', 'event: stream.end\ndata: 1\n\n'],
    ['no-content', ''],
  ])('stores nothing of an event stream that is wrong (%s)', async (code, body) => {
    const { hub, send } = setUp()
    const { status, json } = await send({ headers: { 'content-type': 'text/event-stream' }, body })
    expect([status, json.code]).toEqual([400, code])
    expect(await dataOf(hub)).toEqual([])
  })

  it.each([
    ['{', 400, 'invalid-events'],
    ['[]', 400, 'invalid-events'],
    ['"text"', 400, 'invalid-events'],
    ['null', 400, 'invalid-events'],
    ['{}', 400, 'invalid-events'],
    ['{"event":"a"}', 400, 'invalid-events'],
    ['{"data":1,"evnet":"a"}', 400, 'invalid-events'],
    ['{"data":1,"__proto__":{}}', 400, 'invalid-events'],
    ['{"data":1,"event":7}', 400, 'invalid-events'],
    ['{"data":1,"key":7}', 400, 'invalid-events'],
    ['[{"data":1},{"data":2,"event":"a\\nb"}]', 400, 'invalid-event'],
    ['[{"data":1},{"data":2,"event":"stream.gap"}]', 400, 'reserved-event'],
    [JSON.stringify(Array.from({ length: 257 }, () => ({ data: 1 }))), 413, 'too-many-events'],
    [new Uint8Array([0x22, 0xff, 0x22]), 400, 'invalid-utf-8'],
    [new Uint8Array([0x22, 0xe2, 0x82]), 400, 'invalid-utf-8'],
    [null, 400, 'no-content'],
  ])('stores nothing of %s, and answers %i', async (body, status, code) => {
    const { hub, errors, send } = setUp()
    const answer = await send({ body })
    expect([answer.status, answer.json.code]).toEqual([status, code])
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.json).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) })
    expect(await dataOf(hub)).toEqual([])
    expect(errors).toEqual([])
  })

  it.each([
    [{ 'content-type': 'text/plain' }],
    [{ 'content-type': 'application/json-seq' }],
    [{ 'content-type': 'application/json; charset=utf-16' }],
    [{ 'content-type': '' }],
  ])('answers 415 to content that is %j, and says what it takes', async (headers) => {
    const { status, headers: fields } = await setUp().send({ headers })
    expect([status, fields.get('accept-post')]).toEqual([415, 'application/json, text/event-stream'])
  })

  it('answers 415 to compressed content', async () => {
    const { status, headers } = await setUp().send({ headers: { 'content-encoding': 'gzip' } })
    expect([status, headers.get('accept-encoding')]).toEqual([415, 'identity'])
  })

  it.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])('answers 405 to %s', async (method) => {
    const { status, headers } = await setUp().send({ method })
    expect([status, headers.get('allow')]).toEqual([405, 'POST'])
  })

  it.each([
    '/',
    '/?topic=',
    '/?topic=*',
    '/?topic=a.%3E',
    '/?topic=a..b',
    '/?topic=a&topic=b',
    `/?topic=${'a'.repeat(256)}`,
  ])('answers 400 to a topic that cannot be: %s', async (target) => {
    const { status, json } = await setUp().send({ target })
    expect([status, json.code]).toEqual([400, 'invalid-topic'])
  })

  it('calls the given function for the topic: answers 400 to an invalid topic, and 500 to any other error', async () => {
    const { hub, errors, send } = setUp({
      topic: (request) => {
        const id = new URL(request.url).pathname.slice(1)
        if (id === 'broken') throw new Error('secret')
        return topic`orders.${id}`
      },
    })
    expect((await send({ target: '/42' })).status).toBe(201)
    expect(await dataOf(hub, 'orders.42')).toHaveLength(1)
    expect((await send({ target: '/4.2' })).status).toBe(400)
    expect(errors).toEqual([])
    const broken = await send({ target: '/broken' })
    expect([broken.status, JSON.stringify(broken.json)]).toEqual([500, expect.not.stringContaining('secret')])
    expect(errors).toMatchObject([{ message: 'secret' }])
  })
})

describe('who may publish', () => {
  it('is decided by authorize, which is required', () => {
    expect(() => createPublishHandler(createHub(), {} as never)).toThrow(
      expect.objectContaining({ code: 'invalid-option', option: 'authorize' }),
    )
  })

  it('answers with the Response that authorize returns', async () => {
    const refusal = (): Response =>
      new Response('"no"', { status: 401, headers: { 'www-authenticate': 'Bearer' } })
    const { hub, send } = setUp({ authorize: refusal })
    const { status, headers } = await send()
    expect([status, headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect(await dataOf(hub)).toEqual([])
  })

  it.each([
    [undefined, 500],
    [null, 500],
    [true, 500],
    ['a', 500],
    [{ topcis: ['a'] }, 500],
    [{ topics: 'a' }, 500],
    [{ topics: [] }, 403],
    [{ topics: ['b', 'a.>'] }, 403],
    [{ expiresAt: 1 }, 403],
    [{ topics: ['a'] }, 201],
    [{ topics: ['*'] }, 201],
    [{}, 201],
  ])('fails closed: %j is answered %i', async (answer, status) => {
    const { hub, errors, send } = setUp({ authorize: () => answer as never })
    const { status: answered, json } = await send()
    expect([answered, JSON.stringify(json)]).toEqual([status, expect.not.stringContaining('secret')])
    expect(await dataOf(hub)).toHaveLength(status === 201 ? 1 : 0)
    expect(errors).toHaveLength(status === 500 ? 1 : 0)
  })

  it.each([
    ['throws', () => fail(new Error('secret'))],
    ['rejects', () => Promise.reject(new Error('secret'))],
  ])('fails closed if authorize %s', async (_name, authorize) => {
    const { hub, errors, send } = setUp({ authorize })
    const { status, json } = await send()
    expect([status, JSON.stringify(json)]).toEqual([500, expect.not.stringContaining('secret')])
    expect(await dataOf(hub)).toEqual([])
    expect(errors).toMatchObject([{ message: 'secret' }])
  })

  it('answers with a Response of another class', async () => {
    const { hub, send } = setUp({ authorize: () => new UndiciResponse('{}', { status: 401 }) })
    expect((await send()).status).toBe(401)
    expect(await dataOf(hub)).toEqual([])
  })

  it('refuses an identity that the hub forbids, until allow', async () => {
    const { hub, send } = setUp({ authorize: () => ({ identity: 'mallory' }) })
    await hub.forbid('mallory')
    expect((await send()).status).toBe(403)
    expect(await dataOf(hub)).toEqual([])
    await hub.allow('mallory')
    expect((await send()).status).toBe(201)
  })

  it('refuses an identity that is forbidden while its content comes', async () => {
    const { hub, send } = setUp({ authorize: () => ({ identity: 'mallory' }) })
    const body = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          await hub.forbid('mallory')
          controller.enqueue(new TextEncoder().encode('{"data":"1"}'))
          controller.close()
        },
      },
      { highWaterMark: 0 },
    )
    expect((await send({ body })).status).toBe(403)
    expect(await dataOf(hub)).toEqual([])
  })

  it('is decided before the content is read', async () => {
    let pulled = 0
    const body = new ReadableStream({ pull: () => void (pulled += 1) }, { highWaterMark: 0 })
    const { send } = setUp({ authorize: () => ({ topics: ['b'] }) })
    expect((await send({ body })).status).toBe(403)
    expect(pulled).toBe(0)
  })
})

describe('a publisher that sends again', () => {
  it.each(['"payment-7"', 'payment-7', '"a \\"quoted\\" key"'])(
    'with the Idempotency-Key %s has its event stored once',
    async (key) => {
      const { hub, send } = setUp()
      const first = await send({ headers: { 'idempotency-key': key } })
      const repeat = await send({ headers: { 'idempotency-key': key } })
      expect([first.status, repeat.status]).toEqual([201, 200])
      expect(repeat.json).toEqual({ id: first.json.id, stored: false })
      expect(await dataOf(hub)).toHaveLength(1)
    },
  )

  it('shares its keys with the hub itself, in quotes or not', async () => {
    const { hub, send } = setUp()
    const { id } = await hub.publish('a', { data: 'x' }, { idempotencyKey: 'k' })
    expect(await send({ headers: { 'idempotency-key': '"k"' } })).toMatchObject({ status: 200, json: { id } })
  })

  it('has its batch stored once', async () => {
    const { hub, send } = setUp()
    const given = { body: '[{"data":1},{"data":2}]', headers: { 'idempotency-key': 'k' } }
    const first = await send(given)
    const repeat = await send(given)
    expect([repeat.status, repeat.json]).toEqual([200, { ids: first.json.ids, stored: false }])
    expect(await dataOf(hub)).toHaveLength(2)
  })

  it('has keys of its own for each identity', async () => {
    const { hub, send } = setUp({ authorize: (request) => ({ identity: request.headers.get('user') ?? '' }) })
    for (const [user, key] of [
      ['a', 'k'],
      ['b', 'k'],
      ['a 1', 'k'],
      ['a', '1k'],
    ] as const)
      expect((await send({ headers: { user, 'idempotency-key': key } })).status).toBe(201)
    expect(await dataOf(hub)).toHaveLength(4)
  })

  it('numbers its events as Durable Streams specifies', async () => {
    const { hub, send } = setUp()
    const numbered = (epoch: number, seq: number) =>
      send({ headers: { 'producer-id': 'p', 'producer-epoch': String(epoch), 'producer-seq': String(seq) } })
    const first = await numbered(0, 0)
    expect(first.status).toBe(201)
    expect([first.headers.get('producer-epoch'), first.headers.get('producer-seq')]).toEqual(['0', '0'])
    expect((await numbered(0, 1)).status).toBe(201)
    expect(await numbered(0, 0)).toMatchObject({ status: 200, json: { id: first.json.id, stored: false } })
    const gap = await numbered(0, 5)
    expect([gap.status, gap.json.code, gap.json.expected]).toEqual([
      409,
      'sequence-gap',
      { epoch: 0, seq: 2 },
    ])
    expect(gap.headers.get('producer-expected-seq')).toBe('2')
    expect((await numbered(1, 0)).status).toBe(201)
    const stale = await numbered(0, 2)
    expect([stale.status, stale.json.code, stale.headers.get('producer-epoch')]).toEqual([
      403,
      'stale-producer',
      '1',
    ])
    expect(await dataOf(hub)).toHaveLength(3)
  })

  it.each<Readonly<Record<string, string>>>([
    { 'idempotency-key': '' },
    { 'idempotency-key': '""' },
    { 'idempotency-key': '"a' },
    { 'idempotency-key': 'a, b' },
    { 'idempotency-key': 'a'.repeat(256) },
    { 'producer-id': 'p' },
    { 'producer-id': 'p', 'producer-epoch': '0' },
    { 'producer-id': '', 'producer-epoch': '0', 'producer-seq': '0' },
    { 'producer-id': 'p', 'producer-epoch': '-1', 'producer-seq': '0' },
    { 'producer-id': 'p', 'producer-epoch': '0', 'producer-seq': '1.5' },
    { 'producer-id': 'p', 'producer-epoch': '0', 'producer-seq': '1e3' },
    { 'producer-id': 'p', 'producer-epoch': '0', 'producer-seq': '9007199254740993' },
    { 'producer-id': 'p', 'producer-epoch': '0', 'producer-seq': '0', 'idempotency-key': 'k' },
  ])('answers 400 and stores nothing if the key or the producer fields are invalid: %j', async (headers) => {
    const { hub, send } = setUp()
    expect((await send({ headers })).status).toBe(400)
    expect(await dataOf(hub)).toEqual([])
  })
})

describe('limits of publishing', () => {
  it.each([
    ['announced', { 'content-length': '101' }],
    ['not announced', {}],
  ])('answers 413 to content that is too long, and reads no further (%s)', async (_name, headers) => {
    let pulled = 0
    let cancelled = 0
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled += 1
          controller.enqueue(new Uint8Array(60).fill(0x20))
        },
        cancel: () => void (cancelled += 1),
      },
      { highWaterMark: 0 },
    )
    const { send } = setUp({ maxBodyBytes: 100 })
    expect((await send({ headers, body })).status).toBe(413)
    expect(pulled).toBeLessThanOrEqual(2)
    if (pulled > 0) expect(cancelled).toBe(1)
  })

  it('answers 413 to events that are too many, or larger than the hub takes', async () => {
    const { hub, send } = setUp({ maxEvents: 2 }, createHub({ maxEventBytes: 10 }))
    expect((await send({ body: '[{"data":1},{"data":1},{"data":1}]' })).json.code).toBe('too-many-events')
    const large = await send({ body: '[{"data":1},{"data":"12345678901"}]' })
    expect([large.status, large.json.code]).toEqual([413, 'event-too-large'])
    expect(await dataOf(hub)).toEqual([])
  })

  it('answers 408 to content that does not arrive, and stops reading', async () => {
    const runtime = createVirtualRuntime()
    let cancelled = 0
    const body = new ReadableStream({ cancel: () => void (cancelled += 1) })
    const { send } = setUp({ bodyTimeoutMs: 500, runtime })
    const sent = send({ body })
    await elapse(runtime.clock, 500)
    expect((await sent).status).toBe(408)
    expect(cancelled).toBe(1)
  })

  it('answers 400 to content that breaks off', async () => {
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error('reset')) })
    expect(await setUp().send({ body })).toMatchObject({ status: 400, json: { code: 'body-cut' } })
  })

  it('answers 429 and 503 with Retry-After beyond its limits, and accepts requests again when there is room', async () => {
    const bodies: ReadableStreamDefaultController[] = []
    const waiting = (): ReadableStream =>
      new ReadableStream({ start: (controller) => void bodies.push(controller) })
    const { send } = setUp({
      maxRequests: 2,
      maxRequestsPerIdentity: 1,
      authorize: (request) => ({ identity: request.headers.get('user') ?? '' }),
    })
    const first = send({ headers: { user: 'a' }, body: waiting() })
    const second = await send({ headers: { user: 'a' } })
    expect([second.status, second.headers.get('retry-after')]).toEqual([
      429,
      expect.stringMatching(/^[1-3]$/),
    ])
    const other = send({ headers: { user: 'b' }, body: waiting() })
    const third = await send({ headers: { user: 'c' } })
    expect([third.status, third.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^[1-3]$/)])
    for (const body of bodies) {
      body.enqueue(new TextEncoder().encode('{"data":1}'))
      body.close()
    }
    expect([(await first).status, (await other).status]).toEqual([201, 201])
    expect((await send({ headers: { user: 'a' } })).status).toBe(201)
  })
})

describe('a topic or a hub that accepts no more events', () => {
  it('answers 410 for a topic that has ended', async () => {
    const { hub, send } = setUp()
    await hub.end('a')
    expect(await send()).toMatchObject({ status: 410, json: { code: 'topic-ended' } })
  })

  it('answers 507 for a running topic that is full, and reports it', async () => {
    const log = memoryLog({ maxHeldBytesPerTopic: 100 })
    const { hub, errors, send } = setUp({}, createHub({ log }))
    const run = await hub.run(
      'a',
      ({ signal }) => new ReadableStream({ start: (c) => signal.addEventListener('abort', () => c.close()) }),
    )
    const body = JSON.stringify({ data: 'x'.repeat(200) })
    expect(await send({ body })).toMatchObject({ status: 507, json: { code: 'topic-full' } })
    expect(errors).toHaveLength(1)
    expect(run.started).toBe(true)
    await hub.close()
  })

  it('answers 503 for a hub that is closed', async () => {
    const { hub, errors, send } = setUp()
    await hub.close()
    const { status, json, headers } = await send()
    expect([status, json.code, headers.has('retry-after'), errors]).toEqual([503, 'hub-closed', true, []])
  })

  it('answers 503 if the log fails, reports the error, and keeps it from the client', async () => {
    const log = { ...memoryLogWithout('append'), append: () => Promise.reject(new Error('secret')) }
    const { errors, send } = setUp({}, createHub({ log }))
    const { status, json } = await send()
    expect([status, json.code, JSON.stringify(json)]).toEqual([
      503,
      'log-unavailable',
      expect.not.stringContaining('secret'),
    ])
    expect(errors).toMatchObject([{ message: 'secret' }])
  })
})

describe('options of createPublishHandler', () => {
  it.each([
    ['maxEvents', 257],
    ['maxEvents', 0],
    ['maxBodyBytes', '1mb'],
    ['bodyTimeoutMs', -1],
    ['maxRequests', 0],
    ['topic', 'a'],
    ['onError', 'log'],
    ['maxBodySize', 5],
  ])('refuses %s: %j', (option, value) => {
    expect(() => createPublishHandler(createHub(), { authorize: () => ({}), [option]: value })).toThrow(
      expect.objectContaining({ code: 'invalid-option', option }),
    )
  })

  it('takes a hub with schemas, which check published events', async () => {
    const price: StandardSchema<number> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) =>
          typeof value === 'number' ? { value } : { issues: [{ message: 'not a number' }] },
      },
    }
    const hub = createHub({ topics: { 'prices.*': { price } }, validate: 'on-publish' })
    const publish = createPublishHandler(hub, { authorize: () => ({}) })
    const send = async (data: unknown): Promise<number> => {
      const request = new Request('http://localhost/?topic=prices.apples', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ event: 'price', data }),
      })
      return (await publish(request)).status
    }
    expect([await send(7), await send('seven')]).toEqual([201, 400])
  })
})

function memoryLogWithout(name: string) {
  const log = memoryLog()
  const entries = [
    'append',
    'appendBatch',
    'claim',
    'end',
    'cancel',
    'status',
    'read',
    'control',
    'controls',
    'tail',
    'head',
    'close',
  ]
    .filter((each) => each !== name)
    .map((each) => [each, (...args: unknown[]) => Reflect.get(log, each).apply(log, args)])
  return Object.fromEntries(entries)
}

function fail(error: unknown): never {
  throw error
}
