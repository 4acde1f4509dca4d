import { textResponse } from '@sse-toolkit/http-core'
import type { RequestContext } from '@sse-toolkit/http-core'
import { hostIsLoopback, isLoopbackAddress, isSameOrigin } from './guard.ts'

/** `accept` of a route that is for pages of ours on the machine itself, and for nobody else. */
export function refuseForeigner(request: Request, context: RequestContext): Response | undefined {
  if (!isLoopbackAddress(context.remoteAddress) || !hostIsLoopback(request.headers.get('host')))
    return textResponse('This is for readers on the machine itself.\n', { status: 403 })
  return refuseForeignSite(request)
}

/** `accept` of a route that is for pages of ours, wherever they are shown. */
export function refuseForeignSite(request: Request): Response | undefined {
  return isSameOrigin(request) ? undefined : textResponse('Not from another site.\n', { status: 403 })
}
