import { ConnectionError } from '../errors/connection-error.ts'
import { isStream } from './transport.ts'
import type { Transport, TransportExchange, TransportRequest, TransportResponse } from './transport.ts'

/** As in the fetch standard. */
const maxRedirects = 20
const alwaysSecret = ['authorization', 'cookie', 'proxy-authorization']

/**
 * Makes a transport that follows redirects out of one that does not.
 *
 * @see https://fetch.spec.whatwg.org/#http-redirect-fetch
 */
export function followRedirects(exchangeOnce: Transport): Transport {
  return (firstRequest, sink) => {
    let aborted = false
    let paused = false
    let redirects = 0
    let exchange: TransportExchange

    const send = (request: TransportRequest): void => {
      // Set while the body of a redirect is being thrown away together with its connection.
      let superseded = false
      const live = (): boolean => !superseded && !aborted
      exchange = exchangeOnce(request, {
        onResponse(response) {
          if (!live()) return
          const location = redirectLocation(response)
          if (location === null) return sink.onResponse(response)
          superseded = true
          exchange.abort()
          redirects += 1
          const next =
            redirects > maxRedirects
              ? new ConnectionError('redirect', `More than ${maxRedirects} redirects, last to ${location}`)
              : redirectedRequest(request, response.status, location)
          if (next instanceof ConnectionError) sink.onError(next)
          else send(next)
        },
        onData: (chunk) => {
          if (live()) sink.onData(chunk)
        },
        onEnd: () => {
          if (live()) sink.onEnd()
        },
        onError: (error) => {
          if (live()) sink.onError(error)
        },
      })
      if (paused) exchange.pause()
    }

    send(firstRequest)
    return {
      pause() {
        paused = true
        exchange.pause()
      },
      resume() {
        paused = false
        exchange.resume()
      },
      abort() {
        aborted = true
        exchange.abort()
      },
    }
  }
}

function redirectLocation({ status, headers }: TransportResponse): string | null {
  return [301, 302, 303, 307, 308].includes(status) ? headers.get('location') : null
}

function redirectedRequest(
  request: TransportRequest,
  status: number,
  location: string,
): TransportRequest | ConnectionError {
  const url = URL.canParse(location, request.url.href) ? new URL(location, request.url) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol))
    return new ConnectionError(
      'redirect',
      `The server redirects to ${location.slice(0, 200)}, which is not an http(s) URL`,
    )
  // Spec: if locationURL's fragment is null, then set it to the fragment of the current URL.
  if (url.hash === '') url.hash = request.url.hash

  let { method, body } = request
  const headers = new Headers(request.headers)
  const becomesGet =
    (status < 303 && method === 'POST') || (status === 303 && method !== 'GET' && method !== 'HEAD')
  if (becomesGet) {
    method = 'GET'
    body = null
    for (const part of ['encoding', 'language', 'location', 'type', 'length'])
      headers.delete(`content-${part}`)
  } else if (isStream(body)) {
    return new ConnectionError('redirect', `Redirect ${status} would have to send a body stream again`)
  }
  if (url.origin !== request.url.origin)
    for (const name of [...alwaysSecret, ...request.secretHeaders]) headers.delete(name)
  return { ...request, url, method, body, headers }
}
