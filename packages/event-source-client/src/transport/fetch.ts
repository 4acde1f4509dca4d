import { ConnectionError, failedStep } from '../errors/connection-error.ts'
import { isStream } from './transport.ts'
import type { Transport } from './transport.ts'

/** The part of `fetch` that is used; anything of this shape may be given. */
export type FetchLike = (url: string, init: RequestInit) => Promise<Response>

/**
 * The transport of browsers, workers, Bun, Deno and edge runtimes.
 *
 * Redirects are left to the platform, which drops `Authorization` and cookies on the way to another origin. It would
 * take other secret fields along, and does not tell where it goes: a request with one of those fails on any redirect.
 */
export function fetchTransport(fetch: FetchLike = (url, init) => globalThis.fetch(url, init)): Transport {
  return ({ url, method, headers, body, credentials, secretHeaders }, sink) => {
    const controller = new AbortController()
    const { signal } = controller
    // Pending while the reader is paused.
    let gate: Promise<void> | undefined
    let openGate: (() => void) | undefined
    const isGuarded = secretHeaders.some((name) => headers.has(name))

    const run = async (): Promise<void> => {
      // What fetch would refuse each time, with the TypeError that it has for a network that failed.
      if (!/^(https?|data|blob):$/.test(url.protocol))
        throw new ConnectionError('unsupported-url', `fetch takes no ${url.protocol} URL`)
      try {
        void new Request(url.href, { method, headers, body: isStream(body) ? '' : (body ?? null) })
      } catch (cause) {
        throw failedStep('invalid-request', 'Making the request', cause)
      }
      const response = await fetch(url.href, {
        method,
        // A plain record, since `{ ...init.headers }` is what everybody writes.
        headers: Object.fromEntries(headers),
        credentials,
        signal,
        // An event stream is never read from a cache nor kept in one.
        cache: 'no-store',
        redirect: isGuarded ? 'manual' : 'follow',
        ...(body != null && { body, duplex: 'half' }),
      })
      if (signal.aborted) return
      // What browsers make of a redirect that is not to be followed; elsewhere it is a response like any other.
      if (response.type === 'opaqueredirect')
        throw new ConnectionError('redirect', 'Redirect of a request with secret fields')
      const stream = response.body
      const reader = isStream(stream) ? stream.getReader() : undefined
      if (response.ok && stream !== null && !reader)
        throw new ConnectionError(
          'unsupported-transport',
          'fetch gave no web stream. In React Native, use expo/fetch',
        )
      sink.onResponse({ status: response.status, headers: response.headers, url: response.url || url.href })
      for (;;) {
        await gate
        const chunk = await reader?.read()
        // What arrived in the very moment of pausing waits here.
        await gate
        if (signal.aborted) return
        if (!chunk || chunk.done) return sink.onEnd()
        sink.onData(chunk.value)
      }
    }

    run().catch((error: unknown) => {
      if (!signal.aborted) sink.onError(error)
    })
    const resume = (): void => {
      openGate?.()
      gate = undefined
    }
    return {
      pause() {
        gate ??= new Promise((resolve) => {
          openGate = resolve
        })
      },
      resume,
      abort() {
        controller.abort()
        resume()
      },
    }
  }
}
