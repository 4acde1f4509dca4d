import type { Runtime } from '../runtime.ts'

/** The statuses that publishing is refused with, and what RFC 9110 calls them. */
const titles = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
  507: 'Insufficient Storage',
} as const

/** Whether a status that somebody else has chosen says that the mistake is the client's, and can be sent. */
export function isClientStatus(status: unknown): status is Problem['status'] {
  return typeof status === 'number' && status < 500 && Object.hasOwn(titles, status)
}

/** What a publisher receives whose events were not stored. */
export interface Problem {
  readonly status: keyof typeof titles
  /** The `code` of the error, for programs. */
  readonly code: string
  readonly detail: string
  /** More members of the problem details. */
  readonly members?: Readonly<Record<string, unknown>> | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
}

/** A request to publish that is refused, thrown where the reason is found. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problem.detail)
    this.problem = problem
  }
}

/** @see https://www.rfc-editor.org/rfc/rfc9457 */
export function problemResponse(
  { status, code, detail, members, headers: given }: Problem,
  runtime: Runtime,
): Response {
  const headers = new Headers(given)
  headers.set('content-type', 'application/problem+json')
  headers.set('cache-control', 'no-store')
  // Each at a different time, so that clients which were refused together do not return together.
  if (status === 429 || status === 503)
    headers.set('retry-after', String(1 + Math.floor(runtime.random() * 3)))
  const body = { title: titles[status], status, detail, code, ...members }
  return new Response(JSON.stringify(body), { status, headers })
}
