import { createReadStream } from 'node:fs'
import { endianness } from 'node:os'
import type { Runtime } from '../runtime.ts'

/** The addresses and ports that identify a connection in the kernel's table. A socket of node:net has all of them. */
export interface TcpConnection {
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

/** How often the kernel's table is read within the timeout. A connection can be found late by one such interval. */
const looksPerTimeout = 3

/** Linux lists all TCP connections of this network namespace here; see proc_pid_net(5). Other systems have no such file. */
const tables = ['/proc/self/net/tcp', '/proc/self/net/tcp6'] as const

// Matches a row with a running retransmission timer (01), a send queue that is not empty, and at least one retransmission:
//
//     sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt
//      7: 0100007F:1F90 0100007F:C350 01 00000012:00000000 01:00000F4C 00000005
const retransmitting =
  /^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) ([0-9A-F]+):([0-9A-F]{4}) .. (?!0{8})[0-9A-F]{8}:[0-9A-F]{8} 01:[0-9A-F]{8} (?!0{8})([0-9A-F]{8}) /gm

/**
 * Finds connections whose peer has acknowledged none of the sent data for `timeoutMs`, because the peer or its network has
 * vanished. The socket option TCP_USER_TIMEOUT does this, but Node does not offer that option. TCP keep-alive sends no
 * probes while data is unacknowledged, and the kernel itself gives up only after about fifteen minutes.
 *
 *     sent     first retransmission     timeoutMs later
 *     |--------|------------------------|
 *                   no acknowledgment   lost
 *
 * A slow peer still acknowledges the data it gets and the probes of its closed window. One read of the table covers all
 * connections. This works only on Linux; on other systems no connection is found.
 *
 * @returns a function that stops watching.
 * @see https://www.rfc-editor.org/rfc/rfc5482
 */
export function watchUnacknowledgedData<Connection extends TcpConnection>(
  connections: Iterable<Connection>,
  timeoutMs: number,
  runtime: Pick<Runtime, 'now' | 'setTimeout' | 'clearTimeout'>,
  lost: (connection: Connection) => void,
): () => void {
  if (process.platform !== 'linux') return () => {}
  let suspects = new Map<Connection, { readonly since: number; readonly retransmissions: number }>()
  let isStopped = false
  const look = async (): Promise<void> => {
    const found = await readRetransmissions()
    if (isStopped) return
    const next: typeof suspects = new Map()
    for (const connection of found.size === 0 ? [] : connections) {
      const retransmissions = found.get(nameOf(connection))
      if (retransmissions === undefined) continue
      const before = suspects.get(connection)
      // The kernel resets the count when the peer acknowledges something.
      const since =
        before !== undefined && before.retransmissions <= retransmissions ? before.since : runtime.now()
      if (runtime.now() - since >= timeoutMs) lost(connection)
      else next.set(connection, { since, retransmissions })
    }
    suspects = next
    again()
  }
  const again = (): void => {
    timer = runtime.setTimeout(() => void look(), timeoutMs / looksPerTimeout)
  }
  let timer: unknown
  again()
  return () => {
    isStopped = true
    runtime.clearTimeout(timer)
  }
}

async function readRetransmissions(): Promise<Map<string, number>> {
  const found = new Map<string, number>()
  for (const table of tables) {
    let rest = ''
    try {
      for await (const chunk of createReadStream(table, 'latin1')) {
        const text = rest + String(chunk)
        const end = text.lastIndexOf('\n') + 1
        rest = text.slice(end)
        for (const [name, count] of retransmissionsIn(text.slice(0, end))) found.set(name, count)
      }
    } catch {
      // A machine without IPv6 has no tcp6, and a sandbox may hide both files. Keep-alive and the kernel then apply.
    }
  }
  return found
}

/** Yields the rows that wait for an acknowledgment: the name of the connection and its number of retransmissions. */
export function* retransmissionsIn(rows: string): Generator<[name: string, count: number]> {
  for (const [, local = '', localPort, remote = '', remotePort, count = ''] of rows.matchAll(
    retransmitting,
  )) {
    const name = `${addressOf(local)} ${portOf(localPort)} ${addressOf(remote)} ${portOf(remotePort)}`
    yield [name, Number.parseInt(count, 16)]
  }
}

export function nameOf({ localAddress, localPort, remoteAddress, remotePort }: TcpConnection): string {
  return `${withoutZone(localAddress)} ${localPort} ${withoutZone(remoteAddress)} ${remotePort}`
}

/** Removes the interface from a link-local address such as `fe80::1%eth0`, because the kernel's table does not show it. */
function withoutZone(address = ''): string {
  const [text = ''] = address.split('%')
  return text
}

function portOf(hex = ''): number {
  return Number.parseInt(hex, 16)
}

/** Converts the kernel's 32-bit words, in this machine's byte order, to an address as node:net writes it. */
function addressOf(hex: string): string {
  const bytes = Buffer.from(hex, 'hex')
  if (endianness() === 'LE') bytes.swap32()
  const dotted = [...bytes.subarray(-4)].join('.')
  if (bytes.byteLength === 4) return dotted
  const groups = bytes.toString('hex').match(/.{4}/g) ?? []
  const isMapped = groups.slice(0, 5).every((group) => group === '0000') && groups[5] === 'ffff'
  // The serializer of the URL standard follows RFC 5952.
  return isMapped ? `::ffff:${dotted}` : new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}
