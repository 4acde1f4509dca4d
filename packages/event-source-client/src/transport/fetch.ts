import { ConnectionError, failedStep } from '../errors/connection-error.ts'
import { isStream } from './transport.ts'
import type { Transport } from './transport.ts'

/** The part of `fetch` that the client uses. You can pass any function of this form. */
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
    let reader: ReadableStreamDefaultReader<Uint8Array> | undefined
    // For the platform, which may fail. What else is thrown is about what it gave.
    let isWaiting = false
    let hasFailed = false
    // Pending while the reader is paused.
    let gate: Promise<void> | undefined
    let openGate: (() => void) | undefined

    const run = async (): Promise<void> => {
      // What fetch would refuse each time, with the TypeError that it has for a network that failed.
      if (!/^(https?|data|blob):$/.test(url.protocol))
        throw new ConnectionError('unsupported-url', `Expected an http(s) URL, got ${url.href}`)
      const init = {
        method,
        // A plain record, since `{ ...init.headers }` is what everybody writes.
        headers: Object.fromEntries(headers),
        body: body ?? null,
        // What a body that is a stream must be sent with.
        duplex: 'half' as const,
      }
      try {
        // A stream that can be sent is left alone: the Request would take it.
        void new Request(url.href, isStream(body) && !body.locked ? { ...init, body: '' } : init)
      } catch (cause) {
        throw failedStep('invalid-request', 'Making the request', cause)
      }
      isWaiting = true
      const response = await fetch(url.href, {
        ...init,
        // Fetch's default stays unsaid, since Cloudflare's refuses the word.
        ...(credentials !== 'same-origin' && { credentials }),
        signal,
        // An event stream is never read from a cache nor kept in one.
        cache: 'no-store',
        redirect: secretHeaders.some((name) => headers.has(name)) ? 'manual' : 'follow',
      })
      isWaiting = false
      const { status, body: stream } = response
      // What browsers make of a redirect that is not to be followed; elsewhere it is a response like any other.
      if (response.type === 'opaqueredirect')
        throw new ConnectionError('redirect', 'Redirect with secretHeaders')
      // A refusal is one also if the user's function has read its body.
      if (status === 200 ? stream !== null : isStream(stream) && !stream.locked)
        reader = (stream as ReadableStream<Uint8Array>).getReader()
      if (signal.aborted) return cancel()
      sink.onResponse({ status, headers: response.headers, url: response.url || url.href })
      for (;;) {
        await gate
        isWaiting = true
        const chunk = await reader?.read()
        isWaiting = false
        // What arrived in the very moment of pausing waits here.
        await gate
        if (signal.aborted) return
        if (!chunk || chunk.done) return sink.onEnd()
        sink.onData(chunk.value)
      }
    }

    function cancel(): void {
      // The fetch may not know the signal, or only until the head has come (Expo's).
      reader?.cancel().catch(() => {})
    }

    run().catch((error: unknown) => {
      if (signal.aborted) return
      // What this module throws on the response is not the network's fault: the next one will be no better.
      const isUnusable = !isWaiting && !(error instanceof ConnectionError)
      // A request that the platform has given up is left alone: aborting it as well can make Node's fetch throw where nothing catches.
      hasFailed = isWaiting
      const step = 'Reading from fetch (React Native: use expo/fetch)'
      sink.onError(isUnusable ? failedStep('unsupported-transport', step, error) : error)
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
        if (!hasFailed) controller.abort()
        cancel()
        resume()
      },
    }
  }
}
