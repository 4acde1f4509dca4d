import { describe, expect, it } from 'vitest'
import { jsonResponse } from '../src/index.ts'
import type { TrustProxy } from '../src/node/index.ts'
import { forwardedReader } from '../src/node/request/trusted-proxies.ts'
import { serving } from './serving.ts'

const CLIENT = '203.0.113.7'

describe('trustProxy', () => {
  it.each<[string, TrustProxy, string | undefined, string, string | undefined]>([
    ['one hop', { hops: 1 }, undefined, CLIENT, CLIENT],
    ['one hop, with a claim before it', { hops: 1 }, '10.0.0.1', `6.6.6.6, ${CLIENT}`, CLIENT],
    ['two hops', { hops: 2 }, '10.0.0.1', `6.6.6.6, ${CLIENT}, 10.0.0.2`, CLIENT],
    ['more hops than addresses', { hops: 3 }, '10.0.0.1', CLIENT, CLIENT],
    ['a trusted peer', { addresses: ['10.0.0.0/8'] }, '10.0.0.1', `6.6.6.6, ${CLIENT}`, CLIENT],
    ['a chain of trusted', { addresses: ['10.0.0.0/8'] }, '10.0.0.1', `6.6.6.6, ${CLIENT}, 10.9.9.9`, CLIENT],
    ['an untrusted peer', { addresses: ['10.0.0.0/8'] }, '11.0.0.1', CLIENT, undefined],
    ['a peer on a Unix socket', { addresses: ['10.0.0.0/8'] }, undefined, CLIENT, undefined],
    ['an IPv6 network', { addresses: ['2001:db8::/32'] }, '2001:db8::1', CLIENT, CLIENT],
    ['an IPv4 peer on a socket for both', { addresses: ['10.0.0.1'] }, '::ffff:10.0.0.1', CLIENT, CLIENT],
    ['a port', { hops: 1 }, undefined, `${CLIENT}:4711`, CLIENT],
    ['an IPv6 client with a port', { hops: 1 }, undefined, '[2001:db8::7]:4711', '2001:db8::7'],
    ['an IPv6 client', { hops: 1 }, undefined, '2001:db8::7', '2001:db8::7'],
    ['an item that is no address', { hops: 1 }, undefined, 'unknown', undefined],
    ['a break in the chain', { addresses: ['10.0.0.0/8'] }, '10.0.0.1', `${CLIENT}, junk`, undefined],
    ['no field', { hops: 1 }, undefined, '', undefined],
  ])('reads X-Forwarded-For from the right: %s', (_name, trust, peer, field, expected) => {
    const forwarded = forwardedReader(trust)(peer, { 'x-forwarded-for': field })
    expect(forwarded?.remoteAddress).toBe(expected)
  })

  it.each<[string, number | undefined]>([
    [`${CLIENT}:4711`, 4711],
    ['[2001:db8::7]:4711', 4711],
    [`6.6.6.6:1, ${CLIENT}:2`, 2],
    [CLIENT, undefined],
    ['2001:db8::7', undefined],
    [`${CLIENT}:99999`, undefined],
    ['unknown:1', undefined],
  ])('takes the port from %s', (field, expected) => {
    expect(forwardedReader({ hops: 1 })(undefined, { 'x-forwarded-for': field })?.remotePort).toBe(expected)
  })

  it('is off by default: anyone could write these fields', async () => {
    const server = await serving({
      fetch: (request, { remoteAddress }) => jsonResponse([remoteAddress, new URL(request.url).origin]),
    })
    const response = await fetch(server.url, {
      headers: {
        'x-forwarded-for': CLIENT,
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'evil.example',
      },
    })
    expect(await response.json()).toEqual(['127.0.0.1', server.url])
  })

  it('makes address, scheme and host those that the client used', async () => {
    const server = await serving({
      trustProxy: { addresses: ['127.0.0.1'] },
      fetch: (request, { remoteAddress }) => jsonResponse([remoteAddress, request.url]),
    })
    const response = await fetch(`${server.url}/x`, {
      headers: { 'x-forwarded-for': CLIENT, 'x-forwarded-proto': 'https', 'x-forwarded-host': 'app.example' },
    })
    expect(await response.json()).toEqual([CLIENT, 'https://app.example/x'])
  })

  it('refuses an invalid forwarded host', async () => {
    const server = await serving({ trustProxy: { hops: 1 }, fetch: () => jsonResponse(1) })
    const response = await fetch(server.url, { headers: { 'x-forwarded-host': 'a/b' } })
    expect(response.status).toBe(400)
  })
})
