import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, expect, it, onTestFinished } from 'vitest'
import * as httpCore from '../../packages/http-core/src/node/connection/unacknowledged-data.ts'
import * as sseServer from '../../packages/sse-server/src/node/unacknowledged-data.ts'

// That a client which vanished is noticed is tested in test/abroad/vanished-clients, with a network that can be cut.

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === '::1'),
)

describe.skipIf(process.platform !== 'linux').each([
  ['http-core', httpCore],
  ['sse-server', sseServer],
] as const)("the kernel's table of TCP connections, read by %s", (_name, { nameOf, retransmissionsIn }) => {
  it.each([
    ['127.0.0.1', '127.0.0.1', 'tcp'],
    ...(hasIpv6
      ? [
          ['::1', '::1', 'tcp6'],
          ['::', '127.0.0.1', 'tcp6'],
        ]
      : []),
  ])(
    'names a connection from %s to %s as its socket does',
    async (listening = '', asked = '', table = '') => {
      const server = createServer().listen(0, listening)
      onTestFinished(() => void server.close())
      await once(server, 'listening')
      const { port } = server.address() as AddressInfo
      const client = connect(port, asked)
      const [socket] = await once(server, 'connection')
      onTestFinished(() => void client.destroy())

      // As the row of this connection would be, had its data been sent three times in vain.
      const hex = (client.localPort ?? 0).toString(16).toUpperCase().padStart(4, '0')
      const rows = readFileSync(`/proc/self/net/${table}`, 'latin1')
      const isOurs = new RegExp(`^( *\\d+: \\S+ \\S+:${hex} 01) \\S+ \\S+ \\S+`, 'm')
      expect(rows).toMatch(isOurs)
      expect([...retransmissionsIn(rows)].map(([name]) => name)).not.toContain(nameOf(socket))
      const waiting = rows.replace(isOurs, '$1 00000012:00000000 01:00000F4C 00000003')
      expect([...retransmissionsIn(waiting)]).toContainEqual([nameOf(socket), 3])
    },
  )
})
