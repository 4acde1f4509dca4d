import type { ClientEnd } from './fake-connection.ts'
import { createFakeRequest, resolveUrl } from './fake-request.ts'
import type { Connect } from './fake-request.ts'

/** The part of `fetch` that clients of event streams use. */
export type FakeFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/** Statuses whose response has no body (Fetch, "null body status"). */
const nullBodyStatuses: ReadonlySet<number> = new Set([204, 205, 304])

/**
 * `fetch` to a fake server. The response is the platform's; what the test writes is read from its body.
 *
 * @see https://fetch.spec.whatwg.org/#fetch-method
 */
export function createFakeFetch(connect: Connect<ClientEnd>): FakeFetch {
  return async (input, init = {}) => {
    const given = input instanceof Request ? input : undefined
    const url = resolveUrl(given?.url ?? (input as string | URL))
    const { signal = given?.signal, body } = init
    if (signal?.aborted === true) throw signal.reason
    const request = createFakeRequest({
      url,
      method: (init.method ?? given?.method ?? 'GET').toUpperCase(),
      headers: new Headers(init.headers ?? given?.headers),
      // Read only when the test asks, since a body can be read once.
      text: () => (body == null && given !== undefined ? given.clone().text() : new Response(body).text()),
    })
    const { promise, resolve, reject } = Promise.withResolvers<Response>()
    const utf8 = new TextEncoder()
    let responseBody: ReadableStreamDefaultController<Uint8Array> | undefined
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        responseBody = controller
      },
      cancel: () => depart(),
    })

    const leave = connect(request, {
      onHead({ status, headers }) {
        const response = new Response(nullBodyStatuses.has(status) ? null : stream, { status, headers })
        // The URL of a constructed response is empty.
        Object.defineProperty(response, 'url', { value: url.href })
        resolve(response)
      },
      onText: (text) => responseBody?.enqueue(utf8.encode(text)),
      onEnd() {
        signal?.removeEventListener('abort', abort)
        responseBody?.close()
      },
      onCut() {
        signal?.removeEventListener('abort', abort)
        const error = new TypeError('The fake server cut the connection')
        reject(error)
        responseBody?.error(error)
      },
    })
    if (leave === undefined) throw new TypeError('The fake server is closed')

    function depart(): void {
      signal?.removeEventListener('abort', abort)
      leave?.()
    }

    function abort(): void {
      depart()
      reject(signal?.reason)
      responseBody?.error(signal?.reason)
    }

    signal?.addEventListener('abort', abort)
    return promise
  }
}
