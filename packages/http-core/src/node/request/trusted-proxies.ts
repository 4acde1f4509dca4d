import type { IncomingHttpHeaders } from 'node:http'
import { BlockList, isIP } from 'node:net'
import { OptionError } from '../../errors/option-error.ts'
import type { TrustProxy } from '../lifecycle/options.ts'

/** The facts about the client that trusted proxies forward. */
interface Forwarded {
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly scheme: 'http' | 'https' | undefined
  readonly host: string | undefined
}

/** Reads the forwarding fields of a request from `peer`. Returns undefined if the peer is not trusted. */
export type ForwardedReader = (peer: string | undefined, fields: IncomingHttpHeaders) => Forwarded | undefined

/**
 * Creates a reader for the forwarding fields.
 *
 *     X-Forwarded-For: client, proxy1, proxy2      each proxy appends the address of its own peer;
 *                              ^ read from the right, because any client can write the items on the left
 *
 * @throws {@link OptionError} for an address or a network that does not parse, or a number of hops below 1.
 */
export function forwardedReader(trust: TrustProxy): ForwardedReader {
  if (typeof trust !== 'object' || trust === null || !('hops' in trust || 'addresses' in trust)) {
    throw new OptionError('trustProxy', trust, '{ hops } or { addresses }')
  }
  if ('hops' in trust) {
    if (!(Number.isSafeInteger(trust.hops) && trust.hops >= 1)) {
      throw new OptionError('trustProxy.hops', trust.hops, 'an integer of at least 1')
    }
    return (_peer, fields) => read(fields, trust.hops)
  }
  const isTrusted = networkTest('trustProxy.addresses', trust.addresses)
  return (peer, fields) => {
    if (peer === undefined || !isTrusted(peer)) return undefined
    const chain = items(fields['x-forwarded-for'])
    let hops = 1
    while (hops < chain.length && isTrusted(bareAddress(chain.at(-hops)) ?? '')) hops += 1
    return read(fields, hops)
  }
}

function read(fields: IncomingHttpHeaders, hops: number): Forwarded {
  const scheme = nthFromRight(fields['x-forwarded-proto'], hops)?.toLowerCase()
  const client = nthFromRight(fields['x-forwarded-for'], hops)
  const remoteAddress = bareAddress(client)
  return {
    remoteAddress,
    remotePort: remoteAddress === undefined ? undefined : portOf(client),
    scheme: scheme === 'http' || scheme === 'https' ? scheme : undefined,
    host: nthFromRight(fields['x-forwarded-host'], hops),
  }
}

function items(field: string | string[] | undefined): string[] {
  if (field === undefined) return []
  const text = typeof field === 'string' ? field : field.join(',')
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

/** A proxy that overwrites a field instead of appending leaves fewer items than hops. Then the leftmost item counts. */
function nthFromRight(field: string | string[] | undefined, hops: number): string | undefined {
  const list = items(field)
  return list.at(-Math.min(hops, list.length))
}

/**
 * Removes the port from `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`; undefined if the text is not an
 * address.
 */
function bareAddress(item: string | undefined): string | undefined {
  if (item === undefined) return undefined
  if (isIP(item) !== 0) return item
  const address = /^\[([^\]]+)\](?::\d+)?$/.exec(item)?.[1] ?? /^([^:]+):\d+$/.exec(item)?.[1]
  return address !== undefined && isIP(address) !== 0 ? address : undefined
}

/** The port after an address; undefined if the text has no port. */
function portOf(item: string | undefined): number | undefined {
  const port = /^(?:\[[^\]]+\]|[^:]+):(\d{1,5})$/.exec(item ?? '')?.[1]
  return port === undefined || Number(port) > 65_535 ? undefined : Number(port)
}

/**
 * Whether an address is in one of the networks.
 *
 * @throws {@link OptionError} naming the option, for what is neither an address nor a network.
 */
export function networkTest(option: string, networks: readonly string[]): (address: string) => boolean {
  const list = networkList(option, networks)
  return (address) => {
    const family = isIP(address)
    return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }
}

const namedNetworks = 'addresses and networks such as 10.0.0.0/8'

function networkList(option: string, networks: readonly string[]): BlockList {
  if (!Array.isArray(networks)) throw new OptionError(option, networks, `a list of ${namedNetworks}`)
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits, ...more] = network.split('/')
    const family = isIP(address)
    const most = family === 6 ? 128 : 32
    const prefix = bits === undefined ? most : Number(bits)
    const valid =
      family !== 0 && more.length === 0 && Number.isInteger(prefix) && prefix >= 0 && prefix <= most
    if (!valid || bits === '') {
      throw new OptionError(option, network, namedNetworks)
    }
    list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}
