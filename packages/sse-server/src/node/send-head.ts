import { ResponseStateError } from '../errors/response-state-error.ts'
import { isHttp2 } from './node-response.ts'
import type { NodeResponse } from './node-response.ts'

// RFC 9113 section 8.2.2: fields that say something about an HTTP/1.1 connection make an HTTP/2 message malformed.
const connectionFields: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

/**
 * Sends the head of the response at once, ahead of any content. Fields that were set before (by CORS or session
 * middleware) stay, unless `headers` has the same; `set-cookie` and `vary` are added to.
 *
 * @throws {@link ResponseStateError} `code: 'head-sent'`
 */
export function sendHead(response: NodeResponse, status: number, statusText: string, headers: Headers): void {
  if (response.headersSent) throw new ResponseStateError()
  response.statusCode = status
  if (!isHttp2(response) && statusText !== '') response.statusMessage = statusText
  for (const [name, value] of headers) {
    if (isHttp2(response) && connectionFields.has(name)) continue
    if (name === 'set-cookie' || (name === 'vary' && response.hasHeader('vary')))
      response.appendHeader(name, value)
    else response.setHeader(name, value)
  }
  // `writeHead` sends the head on HTTP/2; on HTTP/1.1 it waits for the first piece of content.
  if (isHttp2(response)) response.writeHead(status)
  else response.flushHeaders()
}
