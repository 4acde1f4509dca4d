import type { Socket } from 'node:net'
import type { Runtime } from '../../runtime.ts'

/** How many times within the timeout all connections are looked at: one can be cut late by such a part of it. */
const looksPerTimeout = 4

/** node:net's handle, and what waits in it for the kernel: not documented, and looked at before it is used. */
interface HeldSocket extends Socket {
  readonly _handle?: { readonly writeQueueSize?: unknown } | null
}

/**
 * Cuts connections that hold responses without taking a byte of them: a client that stops reading would keep them in
 * memory forever. One that is only slow takes some, and one that is only silent has nothing waiting.
 *
 * One timer for all; a connection costs an entry only while it is suspected.
 *
 * @returns stops looking.
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

/** The bytes that a connection has been given, and that the kernel has not taken yet. */
export function waitingBytes(socket: HeldSocket): number {
  const size = socket._handle?.writeQueueSize
  return typeof size === 'number' ? size : 0
}
