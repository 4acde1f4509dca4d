import type { Socket } from 'node:net'
import type { Runtime } from '../../runtime.ts'

/** How often all connections are checked within the timeout. A connection can be cut off late by one such interval. */
const looksPerTimeout = 4

/** A socket with node:net's undocumented handle, which holds the bytes that wait for the kernel. Checked before use. */
interface HeldSocket extends Socket {
  readonly _handle?: { readonly writeQueueSize?: unknown } | null
}

/**
 * Cuts off connections whose client reads nothing of the bytes that wait for it. Otherwise such a client would keep its
 * responses in memory forever. A slow client reads some bytes, and for a silent client nothing is waiting.
 *
 * All connections share one timer. A connection needs an entry in memory only while it is suspected.
 *
 * @returns a function that stops watching.
 */
export function watchStalledConnections(
  sockets: ReadonlySet<Socket>,
  timeoutMs: number,
  runtime: Pick<Runtime, 'setTimeout' | 'clearTimeout'>,
  cut: (socket: Socket) => void,
): () => void {
  let suspects = new Map<Socket, { readonly waiting: number; readonly looks: number }>()
  const look = (): void => {
    const next: typeof suspects = new Map()
    for (const socket of sockets) {
      const waiting = waitingBytes(socket)
      if (waiting === 0) continue
      const before = suspects.get(socket)
      const looks = before?.waiting === waiting ? before.looks + 1 : 0
      if (looks >= looksPerTimeout) cut(socket)
      else next.set(socket, { waiting, looks })
    }
    suspects = next
    timer = runtime.setTimeout(look, timeoutMs / looksPerTimeout)
  }
  let timer = runtime.setTimeout(look, timeoutMs / looksPerTimeout)
  return () => {
    runtime.clearTimeout(timer)
  }
}

/** The number of bytes written to a connection that the kernel has not taken yet. */
export function waitingBytes(socket: HeldSocket): number {
  const size = socket._handle?.writeQueueSize
  return typeof size === 'number' ? size : 0
}
