import type { Socket } from 'node:net'
import type { ProxyHeader } from '../../request/proxy-header.ts'
import type { Runtime } from '../../runtime.ts'
import { parseProxyHeader } from './proxy-protocol.ts'

/** The result of reading the start of a connection. */
export type ProxyOutcome =
  | { readonly kind: 'header'; readonly header: ProxyHeader }
  /** There is no header. The bytes that were read have been put back. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'invalid'; readonly reason: string }

/**
 * Reads the PROXY header of a new connection, and puts back all bytes after it. Calls `done` once, unless the connection
 * closes first. By then all listeners added here have been removed from the socket.
 */
export function readProxyHeader(
  socket: Socket,
  limits: { readonly maxBytes: number; readonly timeoutMs: number },
  runtime: Pick<Runtime, 'setTimeout' | 'clearTimeout'>,
  done: (outcome: ProxyOutcome) => void,
): void {
  let received: Buffer = Buffer.alloc(0)
  const stop = (): void => {
    runtime.clearTimeout(timer)
    socket.off('readable', onReadable).off('error', onEnd).off('end', onEnd).off('close', stop)
  }
  const settle = (outcome: ProxyOutcome, rest: Buffer): void => {
    stop()
    if (rest.length > 0) socket.unshift(rest)
    done(outcome)
  }
  const onReadable = (): void => {
    for (;;) {
      const chunk = socket.read() as Buffer | null
      if (chunk === null) return
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
      const parsed = parseProxyHeader(received, limits.maxBytes)
      if (parsed.kind === 'header') {
        settle({ kind: 'header', header: parsed.header }, received.subarray(parsed.length))
        return
      }
      if (parsed.kind !== 'incomplete') {
        settle(parsed, received)
        return
      }
    }
  }
  const onEnd = (): void => {
    stop()
    socket.destroy()
  }
  const timer = runtime.setTimeout(() => {
    settle({ kind: 'invalid', reason: `no PROXY header within ${limits.timeoutMs} ms` }, received)
  }, limits.timeoutMs)
  socket.on('readable', onReadable).on('error', onEnd).on('end', onEnd).on('close', stop)
}
