import { isToken } from '../options/check-options.ts'
import { shorten } from '../errors/shorten.ts'
import type { RequestContext } from '../request/context.ts'
import { changeRequest, isChangeable } from '../request/change-request.ts'
import { refusalOf } from '../response/response-head.ts'
import { isThenable } from '../thenable.ts'

/** The head of a request before it is routed: everything but its content, which is still on the wire. */
export interface RequestHead {
  /** Assign another method to change the route. The framing of the response still follows the method that the client sent. */
  method: string
  /** The absolute URL of the target. You may assign a path such as `/rooms?x=1`; it keeps the origin. */
  url: string
  /** Routes see the changes that you make here. They do not affect the framing: the server has read it already. */
  readonly headers: Headers
}

/** See {@link Router.useRequestHead}. Return a Response or throw an HttpError to refuse the request. */
export type RequestHeadHook = (
  head: RequestHead,
  context: RequestContext,
) => Response | undefined | void | Promise<Response | undefined | void>

/** Methods that a `Request` cannot have (https://fetch.spec.whatwg.org/#forbidden-method). */
const forbiddenMethods = new Set(['CONNECT', 'TRACE', 'TRACK'])

/**
 * Passes the head to each hook in turn, then serves the request with the changes of the hooks.
 *
 * @param goOn - Serves the request.
 * @param refuse - Answers with the refusal. If the refusal throws, the request fails with the error.
 */
export function passHead(
  hooks: readonly RequestHeadHook[],
  request: Request,
  context: RequestContext,
  goOn: (request: Request) => Response | Promise<Response>,
  refuse: (refusal: () => Response) => Response | Promise<Response>,
): Response | Promise<Response> {
  const head = new EditableHead(request)
  const next = (index: number): Response | Promise<Response> => {
    const hook = hooks[index]
    if (hook === undefined) return goOn(head.changed())
    const decide = (refusal: unknown): Response | Promise<Response> =>
      refusal === undefined ? next(index + 1) : refuse(() => refusalOf('useRequestHead', refusal))
    const failed = (error: unknown): Response | Promise<Response> =>
      refuse(() => {
        throw error
      })
    let answer: ReturnType<RequestHeadHook>
    try {
      answer = hook(head, context)
    } catch (error) {
      return failed(error)
    }
    // `then` with both callbacks: `failed` must not catch errors of `decide`, which are not the hook's.
    return isThenable(answer) ? answer.then(decide, failed) : decide(answer)
  }
  return next(0)
}

class EditableHead implements RequestHead {
  readonly #request: Request
  #method: string
  #url: string
  #headers: Headers | undefined

  constructor(request: Request) {
    this.#request = request
    this.#method = request.method
    this.#url = request.url
  }

  get method(): string {
    return this.#method
  }

  set method(method: string) {
    if (!isToken(method) || forbiddenMethods.has(method)) {
      throw new TypeError(`head.method: expected a method such as GET, got ${shorten(method)}.`)
    }
    this.#method = method
  }

  get url(): string {
    return this.#url
  }

  set url(target: string) {
    const url = URL.canParse(target, this.#url) ? new URL(target, this.#url) : undefined
    if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '') {
      throw new TypeError(`head.url: expected a path or an http URL, got ${shorten(target)}.`)
    }
    url.hash = ''
    this.#url = url.href
  }

  get headers(): Headers {
    // On other hosts the headers may be immutable.
    return (this.#headers ??= isChangeable(this.#request)
      ? this.#request.headers
      : new Headers(this.#request.headers))
  }

  /** The request that the routes get: the original one, if nothing has changed. */
  changed(): Request {
    const request = this.#request
    const headers = this.#headers === undefined || isChangeable(request) ? request.headers : this.#headers
    const isSame = this.#method === request.method && this.#url === request.url && headers === request.headers
    return isSame ? request : changeRequest(request, { method: this.#method, url: this.#url, headers })
  }
}
