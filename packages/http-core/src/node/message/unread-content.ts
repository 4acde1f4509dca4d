import type { Runtime } from '../../runtime.ts'
import type { WireRequest, WireResponse } from './wire.ts'

/** The server reads and drops up to this much content to keep a connection alive: that costs less than a new connection. */
const smallBytes = 65_536
/** The server drops at most this much content, for at most this long, before it closes on a client that is still sending. */
const lingerBytes = 1_048_576
const lingerMs = 1000

/** Whether the head announces content, by a length above zero or a transfer coding (RFC 9112 section 6.3). */
export function announcesContent(message: WireRequest): boolean {
  if (message.hasContent !== undefined) return message.hasContent
  const { headers } = message
  if (headers['transfer-encoding'] !== undefined) return true
  const length = headers['content-length']
  return length !== undefined && length !== '0'
}

/** How much content is still to come. `'small'`: worth reading and dropping, to keep the connection. */
export function unreadContent(message: WireRequest): 'none' | 'small' | 'large' {
  // An HTTP/2 stream can be reset alone, so the next request does not depend on reading its content.
  if (message.complete || message.httpVersionMajor === 2 || !announcesContent(message)) return 'none'
  const length = Number(message.headers['content-length'])
  return length <= smallBytes ? 'small' : 'large'
}

/**
 * Reads and drops the content that the client is still sending, up to a limit. If the server closed the connection while
 * unread bytes arrive, the kernel would send a reset, which can destroy the response before the client reads it.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-9.6
 */
export function discardContent(
  message: WireRequest,
  response: WireResponse,
  runtime: Pick<Runtime, 'setTimeout' | 'clearTimeout'>,
  done: () => void = () => {},
): void {
  let dropped = 0
  const settle = (outcome: 'ended' | 'cut'): void => {
    runtime.clearTimeout(timer)
    message.off('data', onData).off('end', onEnd)
    message.socket.off('close', onCut)
    done()
    if (outcome === 'cut') destroyAfter(response, message)
  }
  const onData = (chunk: Buffer): void => {
    dropped += chunk.length
    if (dropped > lingerBytes) settle('cut')
  }
  const onEnd = (): void => {
    settle('ended')
  }
  const onCut = (): void => {
    settle('cut')
  }
  const timer = runtime.setTimeout(onCut, lingerMs)
  message.on('data', onData).on('end', onEnd)
  message.socket.once('close', onCut)
  message.resume()
}

/**
 * Destroys a request and its connection once the response has been sent. Only this tells a reader of the content that no
 * more will come: after the end of the response, Node emits no further events for the request.
 */
export function destroyAfter(response: WireResponse, message: WireRequest): void {
  if (response.closed) {
    message.destroy()
    return
  }
  response.once('close', () => {
    message.destroy()
  })
}
