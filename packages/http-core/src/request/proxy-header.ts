/**
 * The header that a proxy sends before the first byte of a connection (PROXY protocol).
 *
 * @see https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt
 */
export interface ProxyHeader {
  readonly version: 1 | 2
  /**
   * `'proxy'`: the proxy forwards a client's connection. `'local'`: the proxy itself connects, for example for a health
   * check. `'unknown'`: the proxy does not know or does not reveal the client.
   */
  readonly command: 'proxy' | 'local' | 'unknown'
  /** The client; undefined unless `command` is `'proxy'`. */
  readonly source: ProxyEndpoint | undefined
  /** The address that the client connected to; undefined unless `command` is `'proxy'`. */
  readonly destination: ProxyEndpoint | undefined
  /** The values of version 2, by type: 0x01 is ALPN, 0x02 the server name, 0x05 an id, 0x20 TLS. Empty in version 1. */
  readonly values: ReadonlyMap<number, Uint8Array>
}

/** One end of the connection between the client and the proxy. */
export interface ProxyEndpoint {
  readonly address: string
  readonly port: number
}
