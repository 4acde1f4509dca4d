import type { Runtime } from '../../runtime.ts'
import type { WireRequest, WireResponse } from './wire.ts'

/** So much may be read and thrown away to keep a connection alive: less than a new one costs. */
const smallBytes = 65_536
/** So much, and for so long, is thrown away before a connection is closed on a client that is still sending. */
const lingerBytes = 1_048_576
const lingerMs = 1000

/** Whether the head announces content (RFC 9112 section 6.3): it has a length above zero, or a transfer coding. */
export function announcesContent(message: WireRequest): boolean {
  if (message.hasContent !== undefined) return message.hasContent
  const { headers } = message
  if (headers['transfer-encoding'] !== undefined) return true
  const length = headers['content-length']
  return length !== undefined && length !== '0'
}

/** How much of the content is still on its way: `'small'` is worth reading on for, to keep the connection. */
export function unreadContent(message: WireRequest): 'none' | 'small' | 'large' {
  // A stream of HTTP/2 can be given up alone: it need not be read on for the sake of the next request.
  if (message.complete || message.httpVersionMajor === 2 || !announcesContent(message)) return 'none'
  const length = Number(message.headers['content-length'])
  return length <= smallBytes ? 'small' : 'large'
}

/**
 * Reads and drops what the client is still sending: until its end, or until enough has been dropped. A server that closes
 * while unread bytes arrive makes the kernel send a reset, and that can destroy the response on its way.
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
 * Destroys a request, and its connection, once the response has left. A reader of the content learns
 * it only from this: after the end of the response Node emits nothing more.
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
