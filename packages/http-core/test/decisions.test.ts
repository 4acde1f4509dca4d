import { describe, expect, it } from 'vitest'
import { cors, createRouter, textResponse } from '../src/index.ts'
import type { Router } from '../src/index.ts'
import { accessLog } from '../src/middleware/access-log.ts'
import { compression } from '../src/node/compression/compression.ts'
import { channel } from '../src/node/web-socket/index.ts'
import { rawExchange, statuses } from './raw-client.ts'
import { recordingLogger, serving } from './serving.ts'

const HANDSHAKE =
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\nOrigin: https://evil.example\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
const GET =
  'GET / HTTP/1.1\r\nHost: a\r\nOrigin: https://evil.example\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n'

type Decide = () => never

const CASES: readonly (readonly [
  option: string,
  bytes: string,
  routes: (router: Router, decide: Decide) => void,
])[] = [
  [
    'origin of a channel',
    HANDSHAKE,
    (router, decide) => router.get('/', (request) => channel(request, {}, { origin: decide })),
  ],
  [
    'origin of cors',
    GET,
    (router, decide) => {
      router.use(cors({ origin: decide }))
      router.get('/', () => textResponse('secret'))
    },
  ],
  [
    'accept of a route',
    GET,
    (router, decide) =>
      router.get('/', () => textResponse('secret'), {
        // A promise of nothing lets the request in, as it is documented: here it is one of false.
        accept: decide,
      }),
  ],
  [
    'isCompressible of compression',
    GET,
    (router, decide) => {
      router.use(compression({ isCompressible: decide, thresholdBytes: 0 }), { stage: 'encoding' })
      router.get('/', () => textResponse('secret'))
    },
  ],
  [
    'filter of accessLog',
    GET,
    (router, decide) => {
      router.use(accessLog({ filter: decide, logger: { info: () => {} } }))
      router.get('/', () => textResponse('secret'))
    },
  ],
]

describe('a function that decides, and answers neither true nor false', () => {
  it.each(
    CASES.flatMap(([option, bytes, routes]) =>
      [
        ['a promise of false', () => Promise.resolve(false)],
        ['a promise that rejects', () => Promise.reject(new Error('no database'))],
        ['null', () => null],
        ['a word', () => 'yes'],
      ].map(([name, decide]) => [option, name, bytes, routes, decide] as const),
    ),
  )(
    '%s, with %s: the request fails with 500, and the logger hears why',
    async (_o, _n, bytes, routes, decide) => {
      const router = createRouter()
      routes(router, decide as Decide)
      const logger = recordingLogger()
      const server = await serving({ fetch: router.fetch, logger })
      const received = await rawExchange(server.port, bytes)
      expect(statuses(received)).toEqual([500])
      expect(received).not.toContain('secret')
      expect(received.toLowerCase()).not.toContain('access-control-allow-origin')
      expect(logger.records).toContainEqual(
        expect.objectContaining({ event: 'handler-failed', error: expect.any(Error) }),
      )
    },
  )
})
