import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { jsonResponse } from '@sse-toolkit/http-core'
import type { Route, Router } from '@sse-toolkit/http-core'
import { CONTROL_REFUSALS } from '../control-refusal.ts'
import type { ControlRefusal, ControlRefusalCode } from '../control-refusal.ts'
import { isSameOrigin } from './guard.ts'

/**
 * Grants the controls that can do harm to requests with the token that the demo printed when it started. The source of a
 * request proves nothing: behind a proxy on the same machine, every visitor comes from 127.0.0.1, the Host field included.
 *
 *     GET /?token=<token>   the printed address of the page: 303 to /, with the token as a cookie
 *     cookie                sent with the page's requests from then on; no script can read it
 *     authorization: Bearer <token>   for curl
 */
export interface ControlAccess {
  check(request: Request): 'granted' | 'token-missing' | 'token-wrong'
  /** @returns Undefined unless it is a request for the page with the right token in its address. */
  signIn(request: Request): Response | undefined
}

/** Too long to guess: 192 random bits, in characters that need no escaping in a URL. */
export function createControlToken(): string {
  return randomBytes(24).toString('base64url')
}

/**
 * @param port - Browsers send a cookie to all ports of a host: the port in its name keeps two demos on one machine apart.
 */
export function createControlAccess(token: string, port: () => number | undefined): ControlAccess {
  const isRight = (given: string): boolean => isSameSecret(given, token)
  const cookieName = (): string => `sse-toolkit-demo-${port() ?? 0}`

  return {
    check(request) {
      const given = tokensIn(request.headers, cookieName())
      if (given.length === 0) return 'token-missing'
      return given.some(isRight) ? 'granted' : 'token-wrong'
    },
    signIn(request) {
      if (request.method !== 'GET' || !request.url.includes('token=')) return undefined
      const { pathname, protocol, searchParams } = new URL(request.url)
      const given = searchParams.get('token')
      if (pathname !== '/' || given === null || !isRight(given)) return undefined
      const secure = protocol === 'https:' ? '; Secure' : ''
      return new Response(null, {
        status: 303,
        headers: {
          location: '/',
          'set-cookie': `${cookieName()}=${token}; Path=/; HttpOnly; SameSite=Strict${secure}`,
          'cache-control': 'no-store',
        },
      })
    },
  }
}

/**
 * Puts the token in front of every route of the router, of its fallback and of its own answers, but not in front of the
 * routes that are left open. A new route is closed until it is added to them.
 */
export function guardControls(
  router: Pick<Router, 'use'>,
  access: ControlAccess,
): { leaveOpen(...routes: readonly Route[]): void } {
  const open = new Set<Route>()
  router.use((next) => (request, context) => {
    if (context.route !== undefined && open.has(context.route)) return next(request, context)
    if (!isSameOrigin(request)) return refuse(403, 'other-site')
    const verdict = access.check(request)
    return verdict === 'granted' ? next(request, context) : refuse(401, verdict)
  })
  return {
    leaveOpen(...routes) {
      for (const route of routes) open.add(route)
    },
  }
}

/** `accept` of an open route that our pages may request, and pages of other sites may not. */
export function refuseOtherSite(request: Request): Response | undefined {
  return isSameOrigin(request) ? undefined : refuse(403, 'other-site')
}

/** Whether two secrets are the same, in a time that does not tell how much of them is. */
export function isSameSecret(one: string, other: string): boolean {
  return timingSafeEqual(digestOf(one), digestOf(other))
}

function refuse(status: 401 | 403, code: ControlRefusalCode): Response {
  return jsonResponse({ code, message: CONTROL_REFUSALS[code] } satisfies ControlRefusal, {
    status,
    headers: {
      'cache-control': 'no-store',
      // RFC 9110 section 15.5.2: a 401 has a challenge. Browsers ask their user nothing for this one.
      ...(status === 401 && { 'www-authenticate': 'Bearer realm="SSE toolkit demo"' }),
    },
  })
}

function tokensIn(headers: Headers, cookieName: string): readonly string[] {
  const [, bearer] = /^Bearer +(\S+)$/i.exec(headers.get('authorization') ?? '') ?? []
  const tokens = bearer === undefined ? [] : [bearer]
  for (const pair of (headers.get('cookie') ?? '').split(';')) {
    const separator = pair.indexOf('=')
    if (pair.slice(0, separator).trim() === cookieName) tokens.push(pair.slice(separator + 1).trim())
  }
  return tokens
}

/** Digests are of one length, which is what `timingSafeEqual` compares. */
function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
