import type { ProxyHeader } from '../../request/proxy-header.ts'

/** The peer of a connection, according to the socket. */
interface Peer {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

/** The client of each connection: the one that a PROXY header names, or else the socket's peer. */
export class Peers {
  /** Undefined if the server reads no PROXY headers, so that nothing needs to be looked up. */
  readonly #headers: WeakMap<object, ProxyHeader> | undefined

  /** @param proxyProtocol - `'read'` if connections may begin with a PROXY header. */
  constructor(proxyProtocol: 'read' | 'off') {
    this.#headers = proxyProtocol === 'read' ? new WeakMap() : undefined
  }

  /** Stores the PROXY header of a connection. */
  introduce(connection: object, header: ProxyHeader): void {
    this.#headers?.set(connection, header)
  }

  /** The PROXY header of the connection; undefined if it has none. */
  headerOf(connection: object): ProxyHeader | undefined {
    return this.#headers?.get(connection)
  }

  /** The client's address: the source in the PROXY header, or else the socket's peer. */
  addressOf(connection: Peer): string | undefined {
    return this.headerOf(connection)?.source?.address ?? connection.remoteAddress
  }

  /** The port at that address. */
  portOf(connection: Peer): number | undefined {
    const source = this.headerOf(connection)?.source
    return source === undefined ? connection.remotePort : source.port
  }
}
