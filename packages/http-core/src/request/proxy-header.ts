/**
 * What a proxy says about a connection before the connection's first byte: the PROXY protocol.
 *
 * @see https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt
 */
export interface ProxyHeader {
  readonly version: 1 | 2
  /** `'local'`: the proxy itself calls, for a health check. `'unknown'`: it does not know the client, or may not say. */
  readonly command: 'proxy' | 'local' | 'unknown'
  /** The client, and the address it called; undefined where `command` says so, and on Unix sockets. */
  readonly source: ProxyEndpoint | undefined
  readonly destination: ProxyEndpoint | undefined
  /** What version 2 adds, by type: 0x01 is ALPN, 0x02 the server name, 0x05 an id, 0x20 TLS. Empty in version 1. */
  readonly values: ReadonlyMap<number, Uint8Array>
}

/** One end of the connection that came to the proxy. */
export interface ProxyEndpoint {
  readonly address: string
  readonly port: number
}
