import { createContext, runInContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { cors, createRouter, HttpError, textResponse } from '../src/index.ts'
import type { Middleware } from '../src/index.ts'
import { accessLog } from '../src/middleware/access-log.ts'
import { compression } from '../src/node/compression/compression.ts'
import { channel } from '../src/node/web-socket/index.ts'
import type { ChannelHooks } from '../src/node/web-socket/index.ts'
import { eventually, recordingLogger, serving } from './serving.ts'

// TypeScript takes an `async` function wherever one is asked for that returns nothing, and libraries have promises of their
// own. A rejection that nobody takes fails the whole run, as it would end the process.

type Fail = () => void | Promise<void>

const otherRealm = createContext({})

/** A promise that is no `Promise` here. */
function foreign(value: unknown): Promise<never> {
  const resolve = runInContext('(value) => Promise.resolve(value)', otherRealm) as (value: unknown) => unknown
  return resolve(value) as Promise<never>
}

/** As libraries had them before there were promises, and query builders have them still. */
class OwnPromise {
  // oxlint-disable-next-line unicorn/no-thenable -- that is the case
  then(_fulfil: unknown, reject: (error: unknown) => void): void {
    reject(new Error('mine'))
  }
}

const FAILURES: readonly (readonly [string, Fail])[] = [
  [
    'throws',
    () => {
      throw new Error('mine')
    },
  ],
  ['rejects', () => Promise.reject(new Error('mine'))],
  ['gives a promise of another kind that rejects', () => new OwnPromise() as unknown as Promise<void>],
]

describe('a hook of a channel', () => {
  const hookNames = ['init', 'open', 'close', 'onClose'] as const
  const cases = (['http', 'websocket'] as const).flatMap((kind) =>
    hookNames.flatMap((name) => FAILURES.map(([how, fail]) => [kind, name, how, fail] as const)),
  )

  function hooksOf(name: (typeof hookNames)[number], fail: Fail): ChannelHooks {
    if (name === 'open') return { open: fail }
    const open: ChannelHooks['open'] = (opened) => {
      if (name === 'onClose') opened.onClose(fail)
      opened.send('hello', { close: true })
    }
    if (name === 'onClose') return { open }
    return { open, [name]: fail }
  }

  it.each(cases)(
    'over %s: the logger hears once that %s %s, and the server lives',
    async (kind, name, _how, fail) => {
      const logger = recordingLogger()
      const server = await serving({ logger, fetch: (request) => channel(request, hooksOf(name, fail)) })
      const failures = (): readonly unknown[] => logger.records.filter(({ error }) => error !== undefined)
      if (kind === 'http') {
        const response = await fetch(server.url)
        const text = await response.text()
        // A failure before the answer is the answer; one behind it can change nothing.
        const isFirst = name === 'open' || (name === 'init' && fail === FAILURES[0]?.[1])
        expect([response.status, text]).toEqual(isFirst ? [500, 'Internal Server Error\n'] : [200, 'hello'])
      } else {
        const socket = new WebSocket(server.url.replace('http', 'ws'))
        socket.on('error', () => {})
        await new Promise((resolve) => {
          socket.once('close', resolve)
        })
      }
      await eventually(() => failures().length > 0 && server.requestsInFlight === 0)
      expect(failures()).toEqual([
        expect.objectContaining({ event: 'handler-failed', error: new Error('mine') }),
      ])
    },
  )

  it('that fails while the body streams ends the body', async () => {
    const logger = recordingLogger()
    const failing = Promise.withResolvers<never>()
    const server = await serving({
      logger,
      fetch: (request) =>
        channel(request, {
          open: async (opened) => {
            opened.send('one', { close: false })
            await failing.promise
          },
        }),
    })
    const response = await fetch(server.url)
    failing.reject(new Error('mine'))
    await expect(response.text()).rejects.toThrow(TypeError)
    expect(logger.records).toContainEqual(
      expect.objectContaining({ event: 'body-failed', error: new Error('mine') }),
    )
  })
})

describe('an answer that is a promise of another realm', () => {
  const middlewares: readonly (readonly [string, () => Middleware])[] = [
    ['cors', () => cors()],
    ['compression', () => compression({ thresholdBytes: 0 })],
    ['accessLog', () => accessLog({ logger: { info: () => {} } })],
  ]

  it.each(middlewares)('passes %s as any other does', async (_name, make) => {
    const router = createRouter()
    router.use(make())
    router.useHead(({ headers }) => {
      headers.set('x-seen', 'yes')
    })
    router.get('/', () => foreign(textResponse('x')))
    router.get('/fails', () =>
      runInContext('(error) => Promise.reject(error)', otherRealm)(new HttpError(418)),
    )
    const headers = { origin: 'https://a.example', 'accept-encoding': 'gzip' }
    const server = await serving({ fetch: router.fetch })
    const answer = await fetch(server.url, { headers })
    expect([answer.status, await answer.text(), answer.headers.get('x-seen')]).toEqual([200, 'x', 'yes'])
    expect((await fetch(`${server.url}/fails`, { headers })).status).toBe(418)
  })

  it('is waited for where a route decides whether it accepts', async () => {
    const router = createRouter()
    router.post('/', () => textResponse('stored'), {
      accept: () => foreign(new Response(null, { status: 415 })),
    })
    const request = new Request('http://a.example/', { method: 'POST' })
    expect((await router.fetch(request)).status).toBe(415)
  })
})

it('a hook on the head that is asynchronous fails the request: its fields would come too late', async () => {
  const logger = recordingLogger()
  const router = createRouter()
  const late: () => unknown = () => Promise.reject(new Error('mine'))
  router.useHead(late)
  router.get('/', () => textResponse('x'))
  const server = await serving({ fetch: router.fetch, logger })
  expect((await fetch(server.url)).status).toBe(500)
  expect(logger.records).toContainEqual(
    expect.objectContaining({
      error: new TypeError(
        'useHead: expected nothing, got a promise. The function must not be asynchronous.',
      ),
    }),
  )
})

it.each(FAILURES)('a logger that %s is survived', async (_how, fail) => {
  let calls = 0
  const write = (): void => {
    calls += 1
    return fail() as undefined
  }
  const router = createRouter()
  router.use(accessLog({ logger: { info: write } }))
  router.get('/', () => {
    throw new Error('handler')
  })
  const server = await serving({
    logger: { debug: write, info: write, warn: write, error: write },
    fetch: router.fetch,
  })
  const callsBefore = calls
  expect((await fetch(server.url)).status).toBe(500)
  expect(calls - callsBefore).toBe(2)
})
