import type { ProxyHeader } from '../../request/proxy-header.ts'

/** What a connection shows of its peer. */
interface Peer {
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
}

/** The client of each connection, if a proxy named it before the first byte. */
export class Peers {
  /** Undefined where connections begin without a PROXY header: then nothing need be looked up. */
  readonly #headers: WeakMap<object, ProxyHeader> | undefined

  /** @param proxyProtocol - `'read'` if connections may begin with a PROXY header. */
  constructor(proxyProtocol: 'read' | 'off') {
    this.#headers = proxyProtocol === 'read' ? new WeakMap() : undefined
  }

  /** Keeps what a proxy said of a connection. */
  introduce(connection: object, header: ProxyHeader): void {
    this.#headers?.set(connection, header)
  }

  /** What a proxy said of the connection. */
  headerOf(connection: object): ProxyHeader | undefined {
    return this.#headers?.get(connection)
  }

  /** The address of the other end: what a proxy said, else the socket's. */
  addressOf(connection: Peer): string | undefined {
    return this.headerOf(connection)?.source?.address ?? connection.remoteAddress
  }

  /** The port at that address. */
  portOf(connection: Peer): number | undefined {
    const source = this.headerOf(connection)?.source
    return source === undefined ? connection.remotePort : source.port
  }
}
