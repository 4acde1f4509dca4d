import { describe, expect, it } from 'vitest'
import { accessLog } from '../src/middleware/access-log.ts'
import { cors, createRouter, route, textResponse, withTimeout, writerResponse } from '../src/index.ts'
import { compression } from '../src/node/compression/compression.ts'
import { closeOnSignals, createServer, runWorkers } from '../src/node/index.ts'
import { httpMetrics, metricsHandler, registerServerMetrics } from '../src/node/metrics/metrics.ts'
import { directoryTree, embeddedTree, serveDirectory } from '../src/node/static/index.ts'
import { channel } from '../src/node/web-socket/index.ts'

// What somebody without types writes by mistake: told at the call, by the name of the option, and not when a request comes.

const request = new Request('http://a.example/')
const fetch = (): Response => textResponse('x')
const router = createRouter()

describe('a mistaken call throws an OptionError that names', () => {
  it.each<[string, (wrong: never) => unknown, unknown]>([
    ['origin', (origin) => cors({ origin }), 'https://app.example'],
    ['origin', (origin) => cors({ origin }), [/app/]],
    ['credentials', (credentials) => cors({ origin: ['https://app.example'], credentials }), true],
    ['methods', (methods) => cors({ methods }), 'GET'],
    ['methods', (methods) => cors({ methods }), ['GET, POST']],
    ['allowHeaders', (allowHeaders) => cors({ allowHeaders }), 'authorization'],
    ['allowHeaders', (allowHeaders) => cors({ allowHeaders }), ['x-a\r\nx-b: 1']],
    ['exposeHeaders', (exposeHeaders) => cors({ exposeHeaders }), 'etag'],
    ['exposeHeaders', (exposeHeaders) => cors({ exposeHeaders }), ['']],
    ['handler', (handler) => router.get('/a', handler), undefined],
    ['handler', (handler) => router.fallback(handler), textResponse('x')],
    ['accept', (accept) => router.get('/a', fetch, { accept }), 'image/png'],
    ['middleware', (middleware) => router.get('/a', fetch, { middleware }), cors()],
    ['middleware', (middleware) => router.get('/a', fetch, { middleware: [middleware] }), undefined],
    ['middleware', (middleware) => router.use(middleware), undefined],
    ['hook', (hook) => router.useHead(hook), { 'x-a': '1' }],
    ['codecs.n', (n) => route('/:n', { n }), Number],
    ['write', (write) => writerResponse(write), 'x'],
    ['logger', (logger) => accessLog({ logger }), undefined],
    ['logger', (logger) => accessLog({ logger }), {}],
    ['filter', (filter) => accessLog({ logger: console, filter }), '/health'],
    ['codings', (codings) => compression({ codings }), 'gzip'],
    ['codings', (codings) => compression({ codings }), ['lzma']],
    ['isCompressible', (isCompressible) => compression({ isCompressible }), /text/],
    ['root', (root) => serveDirectory(root), undefined],
    ['root', (root) => serveDirectory(root), new URL('file:///tmp')],
    ['root', (root) => directoryTree(root), undefined],
    ['index', (index) => serveDirectory('.', { index }), ['index.html']],
    ['index', (index) => serveDirectory('.', { index }), 'pages/index.html'],
    ['forbidden', (forbidden) => serveDirectory('.', { forbidden }), ['secret']],
    ['forbidden', (forbidden) => serveDirectory('.', { forbidden }), /secret/],
    ['cacheControl', (cacheControl) => serveDirectory('.', { cacheControl }), 'no-store\r\nx: 1'],
    ['modifiedAt', (modifiedAt) => embeddedTree({}, modifiedAt), new Date()],
    ['registry', (registry) => httpMetrics({ registry }), undefined],
    ['registry', (registry) => metricsHandler(registry), undefined],
    ['registry', (registry) => registerServerMetrics({} as never, { registry }), undefined],
    ['middleware', (middleware) => createServer({ fetch, middleware }), cors()],
    ['middleware', (middleware) => createServer({ fetch, middleware }), ['cors']],
    ['hostname', (hostname) => createServer({ fetch, hostname }), 1],
    ['listen', (listen) => createServer({ fetch, listen }), null],
    ['listen.path', (path) => createServer({ fetch, listen: { path } }), 1],
    ['tls', (tls) => createServer({ fetch, tls }), true],
    ['trustProxy', (trustProxy) => createServer({ fetch, trustProxy }), null],
    ['trustProxy.addresses', (addresses) => createServer({ fetch, trustProxy: { addresses } }), '10.0.0.0/8'],
    ['proxyProtocol', (proxyProtocol) => createServer({ fetch, proxyProtocol }), 'required'],
    [
      'proxyProtocol.from',
      (from) => createServer({ fetch, proxyProtocol: { mode: 'optional', from } }),
      '10.0.0.0/8',
    ],
    ['logger', (logger) => createServer({ fetch, logger }), () => {}],
    ['runtime', (runtime) => createServer({ fetch, runtime }), setTimeout],
    ['runtime.now', (now) => createServer({ fetch, runtime: { now } }), 0],
    ['runtime', (runtime) => createServer({ fetch, runtime }), { setTimeout }],
    ['upgradeProtocols', (upgradeProtocols) => createServer({ fetch, upgradeProtocols }), 'websocket'],
    ['upgradeProtocols', (upgradeProtocols) => createServer({ fetch, upgradeProtocols }), ['a b']],
    ['onListening', (onListening) => createServer({ fetch, onListening }), 'listening'],
    ['serverHeader', (serverHeader) => createServer({ fetch, serverHeader }), 5],
    ['eventStreams', (eventStreams) => createServer({ fetch }).close({ eventStreams }), 'drain'],
    ['timeoutMs', (timeoutMs) => closeOnSignals(createServer({ fetch }), { timeoutMs }), '5s'],
    ['eventStreams', (eventStreams) => closeOnSignals(createServer({ fetch }), { eventStreams }), 'drain'],
    ['signals', (signals) => closeOnSignals(createServer({ fetch }), { signals }), 'SIGTERM'],
    ['signals', (signals) => closeOnSignals(createServer({ fetch }), { signals }), ['SIGTREM']],
    ['onClose', (onClose) => closeOnSignals(createServer({ fetch }), { onClose }), Promise.resolve()],
    ['onError', (onError) => closeOnSignals(createServer({ fetch }), { onError }), console],
  ])('%s (case %#)', (option, call, wrong) => {
    expect(() => call(wrong as never)).toThrow(
      expect.objectContaining({ name: 'OptionError', code: 'invalid-option', option }),
    )
  })

  it.each<[string, (wrong: never) => Promise<unknown>, unknown]>([
    ['origin', (origin) => channel(request, {}, { origin }), 'https://app.example'],
    ['origin', (origin) => channel(request, {}, { origin }), [1]],
    ['protocols', (protocols) => channel(request, {}, { protocols }), 'chat'],
    ['hooks', (hooks) => channel(request, hooks), undefined],
    ['hooks.receive', (receive) => channel(request, { receive }), 'x'],
    ['runtime', (runtime) => channel(request, {}, { runtime }), { setTimeout }],
    ['start', (start) => runWorkers({ start }), undefined],
    ['timeoutMs', (timeoutMs) => runWorkers({ start: () => Promise.reject(new Error()), timeoutMs }), -1],
    ['task', (task) => withTimeout(1, task), Promise.resolve()],
  ])('%s, in its promise (case %#)', async (option, call, wrong) => {
    await expect(call(wrong as never)).rejects.toMatchObject({ code: 'invalid-option', option })
  })

  it('and says what it may be', () => {
    expect(() => cors({ origin: 'https://app.example' as never })).toThrow(
      `origin: expected '*', a list of origins such as https://app.example, or a function, got "https://app.example".`,
    )
    expect(() => cors({ credentials: true as never })).toThrow(
      "credentials: expected 'include' or 'omit', got true.",
    )
    expect(() => createRouter().get('/x', undefined as never)).toThrow(
      'handler: expected a function, got undefined.',
    )
    expect(() => createRouter().get(/x/ as never, fetch)).toThrow(
      'A route must be a pattern such as /rooms/:room, or a route made by route(): an object',
    )
  })
})
