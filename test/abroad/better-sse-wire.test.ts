import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createChannel, createSession } from 'better-sse'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createHub, respond } from '@sse-toolkit/sse-server'
import { openEventStream, sendResponse, subscribeNode } from '@sse-toolkit/sse-server/node'
import { patience } from '@sse-toolkit/test-support'
import { listen } from '../../examples/adapters/listen.ts'

// What better-sse documents, and what the README's table says to write instead: both must give a client the same events.

type Listener = (req: IncomingMessage, res: ServerResponse) => unknown

interface Received {
  readonly event: string
  readonly id: string
  readonly data: unknown
}

const values = ['My', 'huge', { event: 'list' }, 3]

const examples: readonly { readonly name: string; readonly theirs: Listener; readonly ours: Listener }[] = [
  {
    name: 'session.push(data, eventName, eventId)',
    async theirs(req, res) {
      const session = await createSession(req, res)
      session.push('Hello world!', 'message', '1').push({ a: 1 }, 'update', '2').push(7, undefined, '3')
      res.end()
    },
    ours(req, res) {
      const stream = openEventStream(req, res, { reconnectionTimeMs: 2000 })
      stream.send({ data: JSON.stringify('Hello world!'), event: 'message', id: '1' })
      stream.send({ data: { a: 1 }, event: 'update', id: '2' })
      stream.send({ data: 7, id: '3' })
      stream.close()
    },
  },
  {
    name: 'session.iterate(values)',
    async theirs(req, res) {
      const session = await createSession(req, res)
      await session.iterate(values)
      res.end()
    },
    ours: (_req, res) =>
      sendResponse(
        res,
        respond(
          (function* () {
            for (const value of values) yield { event: 'iteration', data: JSON.stringify(value) }
          })(),
          { reconnectionTimeMs: 2000 },
        ),
      ),
  },
  {
    name: 'session.batch(callback)',
    async theirs(req, res) {
      const session = await createSession(req, res)
      await session.batch(async (buffer) => {
        await buffer.iterate(values)
      })
      res.end()
    },
    ours(req, res) {
      const stream = openEventStream(req, res, { reconnectionTimeMs: 2000 })
      for (const value of values) stream.send({ event: 'iteration', data: JSON.stringify(value) })
      stream.close()
    },
  },
]

describe.each(examples)('$name and its counterpart in the table', ({ theirs, ours }) => {
  it('give a client the same events and the same reconnection time', async () => {
    const expected = await received(theirs)
    const actual = await received(ours)
    expect(expected.events.length).toBeGreaterThan(2)
    expect(actual).toEqual(expected)
  })
})

describe('a channel, and a hub that replaces it', () => {
  it('reach registered clients, count them, and keep the state of each', async () => {
    const channel = createChannel<{ secret: string }, { user: string }>({ state: { secret: 'x' } })
    const theirs = await serve(async (req, res) => {
      const session = await createSession<{ user: string }>(req, res, { state: { user: 'ada' } })
      channel.register(session)
    })
    const hub = createHub({
      reconnectionTimeMs: 2000,
      authorize: (request) => ({ identity: request.headers.get('user') ?? 'nobody' }),
    })
    onTestFinished(() => hub.close({ timeoutMs: 0 }))
    const ours = await serve((req, res) => subscribeNode(hub, req, res, { topics: ['news'] }))
    const responses = await Promise.all([theirs, ours].map((url) => fetch(url, { headers: { user: 'ada' } })))
    await vi.waitUntil(() => channel.sessionCount === 1 && hub.connections().length === 1, patience)
    expect(channel.activeSessions.map(({ state }) => state.user)).toEqual(['ada'])
    expect(hub.connections({ topic: 'news' }).map(({ identity }) => identity)).toEqual(['ada'])
    channel.broadcast('A user has joined.', 'join-notification', { eventId: '1' })
    await hub.publish('news', { data: JSON.stringify('A user has joined.'), event: 'join-notification' })
    const [expected, actual] = await Promise.all(responses.map((response) => firstEvent(response)))
    expect([actual?.event, actual?.data]).toEqual([expected?.event, expected?.data])
    await vi.waitUntil(() => channel.sessionCount === 0 && hub.connections().length === 0, patience)
  })
})

async function serve(listener: Listener): Promise<string> {
  const running = await listen(createServer((req, res) => void listener(req, res)))
  onTestFinished(() => running.close())
  return running.url
}

async function received(listener: Listener) {
  const text = await (await fetch(await serve(listener))).text()
  return { retry: /^retry: ?(\d+)$/m.exec(text)?.[1], events: eventsOf(text) }
}

async function firstEvent({ body }: Response): Promise<Received | undefined> {
  let text = ''
  for await (const piece of (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    text += piece
    const [event] = eventsOf(text)
    // Leaving the loop cancels the body.
    if (event !== undefined) return event
  }
  return undefined
}

/** The events of whole blocks, as both servers write them: one line of data, and LF. */
function eventsOf(text: string): readonly Received[] {
  const field = (block: string, name: string): string | undefined =>
    new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1]
  return text
    .split('\n\n')
    .slice(0, -1)
    .flatMap((block) => {
      const data = field(block, 'data')
      if (data === undefined) return []
      const parsed: unknown = JSON.parse(data)
      // Without an id of one's own better-sse makes one up.
      const id = /^\d$/.exec(field(block, 'id') ?? '')?.[0] ?? ''
      return [{ event: field(block, 'event') ?? 'message', id, data: parsed }]
    })
}
