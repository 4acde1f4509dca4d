import type { Socket } from 'node:net'
import { unescape } from 'node:querystring'
import { buildConnector, Client } from 'undici'
import type { Dispatcher } from 'undici'
import { ConnectionError, failedStep } from '../errors/connection-error.ts'
import { createContentDecoder } from './content-decoding.node.ts'
import type { ContentDecoder } from './content-decoding.node.ts'
import { followRedirects } from './redirects.ts'
import { isStream } from './transport.ts'
import type { Transport, TransportExchange, TransportRequest, TransportSink } from './transport.ts'

/** The part of an undici `Dispatcher` (Agent, Pool, ProxyAgent, MockAgent ...) that is used; undici 7 or later. */
export interface UndiciDispatcher {
  dispatch(options: object, handler: object): boolean
}

/** undici cuts a head or a body that is silent for 300 s; an event stream may rightly be. The client owns the timers. */
const noTimeouts = { headersTimeout: 0, bodyTimeout: 0 } as const

/**
 * The transport of Node: undici's lowest level, without web streams in the path, so that pausing stops the reading
 * from the socket and TCP pushes back.
 *
 * @param dispatcher - Whose connections to use (a proxy, one HTTP/2 session for many streams, client certificates).
 *   Its owner closes it, not the client. Without a dispatcher, each stream has a `Client` of its own, which ends with the
 *   stream: an event stream occupies its connection anyhow, and nothing stays behind, not even a half-made TCP connection.
 */
export function undiciTransport(dispatcher?: UndiciDispatcher): Transport {
  return followRedirects((request, sink) => exchangeOnce(request, sink, dispatcher))
}

function exchangeOnce(
  request: TransportRequest,
  sink: TransportSink,
  sharedDispatcher: UndiciDispatcher | undefined,
): TransportExchange {
  let controller: Dispatcher.DispatchController | undefined
  let ownConnection: OwnConnection | undefined
  let decoder: ContentDecoder | undefined
  let paused = false
  let over = false

  const handler: Dispatcher.DispatchHandler = {
    onRequestStart(started) {
      controller = started
      if (over) started.abort(new Error('aborted'))
      else if (paused) started.pause()
    },
    onResponseStart(_controller, status, fields) {
      if (over || status < 200) return
      const headers = new Headers()
      for (const [name, value] of Object.entries(fields))
        for (const line of [value ?? []].flat()) headers.append(name, line)
      decoder = createContentDecoder(headers.get('content-encoding'), {
        onData(chunk) {
          if (!over) sink.onData(chunk)
        },
        onEnd: end,
        onError: fail,
        onDrain: () => controller?.resume(),
      })
      if (paused) decoder?.pause()
      sink.onResponse({ status, headers, url: request.url.href })
    },
    onResponseData(_controller, chunk) {
      if (over) return
      if (decoder === undefined) sink.onData(chunk)
      else if (!decoder.write(chunk)) controller?.pause()
    },
    onResponseEnd() {
      if (decoder === undefined) end()
      else decoder.end()
    },
    onResponseError(_controller, error) {
      const code = codeOf(error)
      if (/^UND_ERR_(CLOSED|DESTROYED)$/.test(code) && sharedDispatcher) fail(unusable(error))
      // undici refuses fields (Expect, Upgrade), methods and lengths that it cannot send.
      else if (/^UND_ERR_(INVALID_ARG|NOT_SUPPORTED|REQ_CONTENT_LENGTH_MISMATCH)$/.test(code))
        fail(failedStep('invalid-request', 'Sending the request', error))
      else fail(error)
    },
  }

  function end(): void {
    if (stop()) sink.onEnd()
  }

  function fail(error: unknown): void {
    if (stop()) sink.onError(error)
  }

  /** @returns False if it was over before. */
  function stop(): boolean {
    if (over) return false
    over = true
    decoder?.destroy()
    ownConnection?.destroy()
    return true
  }

  async function send(): Promise<void> {
    const { url, method } = request
    if (!/^https?:$/.test(url.protocol))
      throw new ConnectionError(
        'unsupported-url',
        `Cannot connect to ${url.protocol} URLs, only http and https`,
      )
    const { headers, body } = await readyToSend(request).catch((cause: unknown) => {
      throw failedStep('invalid-request', 'Making the request', cause)
    })
    // Only here: what is created after an abort would stay.
    if (over) return
    if (sharedDispatcher === undefined) ownConnection = openOwnConnection(url.origin)
    const options = {
      ...noTimeouts,
      origin: url.origin,
      path: url.pathname + url.search,
      method,
      headers: [...headers].flat(),
      body,
    }
    try {
      ;(sharedDispatcher ?? ownConnection?.client)?.dispatch(options, handler)
    } catch (cause) {
      if (sharedDispatcher === undefined) throw cause
      throw unusable(cause)
    }
  }

  send().catch(fail)
  return {
    pause() {
      paused = true
      // A full decoder pauses the socket by itself.
      ;(decoder ?? controller)?.pause()
    },
    resume() {
      paused = false
      ;(decoder ?? controller)?.resume()
    },
    abort() {
      if (stop()) controller?.abort(new Error('aborted'))
    },
  }
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown } | null)?.code)
}

function unusable(cause: unknown): ConnectionError {
  const message = `The dispatcher cannot be used: ${String(cause)}. Expected an open dispatcher of undici 7 or later`
  return new ConnectionError('unsupported-transport', message, { cause })
}

interface OwnConnection {
  readonly client: Client
  destroy(): void
}

function openOwnConnection(origin: string): OwnConnection {
  const connect = buildConnector({ timeout: 0 })
  let connecting: Socket | undefined
  const client = new Client(origin, {
    ...noTimeouts,
    connect(options, callback) {
      // Client.destroy() would leave a connection that is still being made to the kernel's timeout of minutes.
      connecting = connect(options, (...result) => {
        connecting = undefined
        callback(...result)
      }) as unknown as Socket
    },
  })
  return {
    client,
    destroy() {
      connecting?.destroy(new Error('aborted'))
      // The promise only says when. Whoever destroys the connection knows that it broke.
      client.destroy(() => {})
    },
  }
}

interface ReadyToSend {
  readonly headers: Headers
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | null
}

/** What fetch adds by itself. */
async function readyToSend({ url, headers: given, body }: TransportRequest): Promise<ReadyToSend> {
  const headers = new Headers(given)
  // Spec: a request whose cache mode is "no-store" carries both.
  if (!headers.has('cache-control')) headers.set('cache-control', 'no-cache')
  if (!headers.has('pragma')) headers.set('pragma', 'no-cache')
  if (url.username !== '' && !headers.has('authorization')) {
    // As the URL standard decodes: text that is not an escape stays as it is.
    const credentials = `${unescape(url.username)}:${unescape(url.password)}`
    headers.set('authorization', `Basic ${Buffer.from(credentials).toString('base64')}`)
  }
  if (body == null) return { headers, body: null }
  // A Response knows the media type and the bytes of every kind of body.
  const content = new Response(body)
  const type = content.headers.get('content-type')
  if (type !== null && !headers.has('content-type')) headers.set('content-type', type)
  return { headers, body: isStream(body) ? content.body : new Uint8Array(await content.arrayBuffer()) }
}
