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
    const given = isRequest(input) ? input : undefined
    const url = resolveUrl(isRequest(input) ? input.url : input)
    const { signal = given?.signal, body: requestBody } = init
    if (signal?.aborted === true) throw signal.reason
    const request = createFakeRequest({
      url,
      method: (init.method ?? given?.method ?? 'GET').toUpperCase(),
      headers: new Headers(init.headers ?? given?.headers),
      // Read only when the test asks, since a body can be read once.
      text: () =>
        requestBody == null && given !== undefined ? given.clone().text() : new Response(requestBody).text(),
    })
    const { promise, resolve, reject } = Promise.withResolvers<Response>()
    const body = createResponseBody(depart)

    const leave = connect(request, {
      onHead({ status, headers }) {
        const response = new Response(nullBodyStatuses.has(status) ? null : body.stream, { status, headers })
        // The URL of a constructed response is empty.
        Object.defineProperty(response, 'url', { value: url.href })
        resolve(response)
      },
      onText: body.write,
      onEnd() {
        signal?.removeEventListener('abort', abort)
        body.end()
      },
      onCut() {
        signal?.removeEventListener('abort', abort)
        const error = new TypeError('The fake server cut the connection')
        reject(error)
        body.break(error)
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
      body.abort(signal?.reason)
    }

    signal?.addEventListener('abort', abort)
    return promise
  }
}

interface ResponseBody {
  readonly stream: ReadableStream<Uint8Array>
  readonly write: (text: string) => void
  readonly end: () => void
  /** After what was written has been read. A stream's own `error` would drop it, and a network delivers it. */
  readonly break: (error: Error) => void
  /** At once. */
  readonly abort: (reason: unknown) => void
}

function createResponseBody(onCancel: () => void): ResponseBody {
  const utf8 = new TextEncoder()
  const steps: (() => void)[] = []
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined
  let wake: (() => void) | undefined
  const add = (step: () => void): void => {
    steps.push(step)
    wake?.()
  }
  const stream = new ReadableStream<Uint8Array>(
    {
      start(given) {
        controller = given
      },
      // Called when a read waits; one step answers it.
      async pull() {
        while (steps.length === 0)
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        steps.shift()?.()
      },
      cancel: onCancel,
    },
    { highWaterMark: 0 },
  )
  return {
    stream,
    write: (text) => add(() => controller?.enqueue(utf8.encode(text))),
    end: () => add(() => controller?.close()),
    break: (error) => add(() => controller?.error(error)),
    abort: (reason) => controller?.error(reason),
  }
}

/** By its shape: jsdom, undici and polyfills each have another class. A URL has no `clone`. */
function isRequest(input: string | URL | Request): input is Request {
  return typeof input === 'object' && 'clone' in input
}
