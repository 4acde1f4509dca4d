import { isIPv4, isIPv6 } from 'node:net'
import type { ProxyEndpoint, ProxyHeader } from '../../request/proxy-header.ts'

/** The result of parsing the first bytes of a connection. */
export type ProxyParse =
  /** The bytes so far could be the start of a header. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'header'; readonly header: ProxyHeader; readonly length: number }
  /** The bytes are something else: the client connects directly. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'invalid'; readonly reason: string }

const v1Prefix = Buffer.from('PROXY ', 'latin1')
/** With CRLF (section 2.1). */
const v1MaxBytes = 107
const v2Signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const v2HeadBytes = 16

/** The length of the addresses, by the family and transport in byte 13 (section 2.2). */
const v2AddressBytes: ReadonlyMap<number, number> = new Map([
  [0x00, 0],
  [0x11, 12],
  [0x12, 12],
  [0x21, 36],
  [0x22, 36],
  [0x31, 216],
  [0x32, 216],
])

const typeCrc32c = 0x03
const noValues: ReadonlyMap<number, Uint8Array> = new Map()

/**
 * Parses a PROXY header, version 1 or 2, at the beginning of `bytes`.
 *
 *     v1   PROXY TCP4 192.0.2.1 198.51.100.2 4711 443 CRLF
 *     v2   signature(12) | version, command | family, transport | length(2) | addresses | type(1) length(2) value ...
 *
 * @param maxBytes - A longer version 2 header is invalid as soon as its length field has arrived.
 */
export function parseProxyHeader(bytes: Buffer, maxBytes: number): ProxyParse {
  if (startsAs(bytes, v2Signature)) return parseVersion2(bytes, maxBytes)
  if (startsAs(bytes, v1Prefix)) return parseVersion1(bytes)
  return { kind: 'absent' }
}

/** Whether the bytes that have arrived match the beginning of the prefix. */
function startsAs(bytes: Buffer, prefix: Buffer): boolean {
  const length = Math.min(bytes.length, prefix.length)
  return bytes.compare(prefix, 0, length, 0, length) === 0
}

function parseVersion1(bytes: Buffer): ProxyParse {
  const end = bytes.subarray(0, v1MaxBytes).indexOf('\r\n')
  if (end === -1) {
    return bytes.length >= v1MaxBytes ? invalid('a version 1 header of more than 107 bytes') : incomplete
  }
  const length = end + 2
  const [, family = '', ...rest] = bytes.toString('latin1', 0, end).split(' ')
  if (family === 'UNKNOWN') {
    // The rest of the line must be ignored.
    return found({ version: 1, command: 'unknown', source: undefined, destination: undefined }, length)
  }
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : undefined
  if (isAddress === undefined) return invalid('an unknown family')
  const [sourceAddress = '', destinationAddress = '', sourcePort = '', destinationPort = ''] = rest
  const isWhole = rest.length === 4 && isAddress(sourceAddress) && isAddress(destinationAddress)
  const ports = [sourcePort, destinationPort].map(portOf)
  if (!isWhole || ports.includes(undefined)) return invalid('invalid addresses or ports')
  return found(
    {
      version: 1,
      command: 'proxy',
      source: { address: sourceAddress, port: ports[0] ?? 0 },
      destination: { address: destinationAddress, port: ports[1] ?? 0 },
    },
    length,
  )
}

/** Parses a port. A sign or a leading zero is invalid, because parsers could disagree about the value. */
function portOf(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined
}

function parseVersion2(bytes: Buffer, maxBytes: number): ProxyParse {
  if (bytes.length < v2HeadBytes) return incomplete
  const versionAndCommand = bytes.readUInt8(12)
  const family = bytes.readUInt8(13)
  const length = v2HeadBytes + bytes.readUInt16BE(14)
  if (versionAndCommand !== 0x20 && versionAndCommand !== 0x21) {
    return invalid('an unknown version or command')
  }
  if (length > maxBytes) return invalid(`a version 2 header of ${length} bytes`)
  if (bytes.length < length) return incomplete
  const header = bytes.subarray(0, length)
  if (versionAndCommand === 0x20) {
    // LOCAL: the rest of the header must be skipped, whatever it contains.
    return found({ version: 2, command: 'local', source: undefined, destination: undefined }, length)
  }
  const addressBytes = v2AddressBytes.get(family)
  if (addressBytes === undefined) return invalid('an unknown family or transport')
  if (header.length < v2HeadBytes + addressBytes) return invalid('a header shorter than its addresses')
  const values = readValues(header, v2HeadBytes + addressBytes)
  if (values === undefined) return invalid('values longer than the header')
  if (!isChecksumRight(header, values)) return invalid('a wrong checksum')
  const [source, destination] = readEndpoints(header.subarray(v2HeadBytes), family)
  return {
    kind: 'header',
    header: {
      version: 2,
      command: source === undefined ? 'unknown' : 'proxy',
      source,
      destination,
      values,
    },
    length,
  }
}

function readEndpoints(
  addresses: Buffer,
  family: number,
): readonly [ProxyEndpoint, ProxyEndpoint] | readonly [undefined, undefined] {
  if (family === 0x11 || family === 0x12) {
    return [
      { address: addresses.subarray(0, 4).join('.'), port: addresses.readUInt16BE(8) },
      { address: addresses.subarray(4, 8).join('.'), port: addresses.readUInt16BE(10) },
    ]
  }
  if (family === 0x21 || family === 0x22) {
    return [
      { address: ipv6(addresses.subarray(0, 16)), port: addresses.readUInt16BE(32) },
      { address: ipv6(addresses.subarray(16, 32)), port: addresses.readUInt16BE(34) },
    ]
  }
  return [undefined, undefined]
}

/** Formats an IPv6 address by RFC 5952, with the help of the URL parser. A mapped IPv4 address is formatted as IPv4. */
function ipv6(bytes: Buffer): string {
  const isMapped = bytes.readUInt32BE(8) === 0xffff && bytes.subarray(0, 8).every((byte) => byte === 0)
  if (isMapped) return bytes.subarray(12).join('.')
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

function readValues(header: Buffer, start: number): ReadonlyMap<number, Uint8Array> | undefined {
  const values = new Map<number, Uint8Array>()
  let offset = start
  while (offset < header.length) {
    if (offset + 3 > header.length) return undefined
    const end = offset + 3 + header.readUInt16BE(offset + 1)
    if (end > header.length) return undefined
    // Copied, because the bytes are part of a larger buffer, which a long-lived connection would keep in memory.
    values.set(header.readUInt8(offset), new Uint8Array(header.subarray(offset + 3, end)))
    offset = end
  }
  return values
}

/** Section 2.2.4: the checksum covers the whole header, with its own bytes set to zero. */
function isChecksumRight(header: Buffer, values: ReadonlyMap<number, Uint8Array>): boolean {
  const given = values.get(typeCrc32c)
  if (given === undefined) return true
  if (given.length !== 4) return false
  const zeroed = Buffer.from(header)
  const at = zeroed.indexOf(Buffer.from([typeCrc32c, 0, 4, ...given]), v2HeadBytes)
  zeroed.fill(0, at + 3, at + 7)
  return crc32c(zeroed) === Buffer.from(given).readUInt32BE(0)
}

/** CRC-32C (Castagnoli), bit by bit, which is fast enough for one short header per connection. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0x82f63b78
  }
  return (crc ^ 0xffffffff) >>> 0
}

const incomplete: ProxyParse = { kind: 'incomplete' }

function invalid(reason: string): ProxyParse {
  return { kind: 'invalid', reason }
}

function found(header: Omit<ProxyHeader, 'values'>, length: number): ProxyParse {
  return { kind: 'header', header: { ...header, values: noValues }, length }
}
