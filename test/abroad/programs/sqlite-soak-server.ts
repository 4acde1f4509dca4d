/**
 * One of several servers on a log in a file, for `sqlite-soak.ts`: it serves readers, and publishes numbers of its own all the time.
 * It is killed, frozen, or left without a file at any moment.
 *
 * Arguments: the file, the greatest size of the file, its name, its first number. At SIGUSR2 it publishes until the file is full, at
 * SIGTERM it publishes no more.
 *
 *     listening <port>
 *     trying <number>
 *     stored <number>
 *     refused <number> <code>
 *     full
 *     stopped
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { createHub } from '@sse-toolkit/sse-server'
import { subscribeNode } from '@sse-toolkit/sse-server/node'
import { sqliteLog } from '@sse-toolkit/sse-sqlite'

const [path = '', maxFileBytes = '', name = '', first = ''] = process.argv.slice(2)
const pauseMs = 3
const fillerLength = 65_536

// What goes wrong is what the soak is for: the readers' ledger says whether it mattered.
const onError = (error: unknown): void => console.error(String(error))
const log = sqliteLog({
  path,
  maxEvents: 1_000_000,
  maxAgeMs: 0,
  maxFileBytes: Number(maxFileBytes),
  syncIntervalMs: 100,
  leaseMs: 1000,
  onError,
})
const hub = createHub({ log, heartbeatIntervalMs: 500, onError })

const server = createServer((req, res) => {
  void subscribeNode(hub, req, res, { topics: ['numbers'] })
})
server.listen(0, '127.0.0.1', () => console.log(`listening ${(server.address() as AddressInfo).port}`))

const publishing = new AbortController()
process.on('SIGUSR2', () => void fill())
process.on('SIGTERM', () => publishing.abort())

async function fill(): Promise<void> {
  for (;;) {
    try {
      await hub.publish('numbers', { event: 'filler', data: 'x'.repeat(fillerLength) })
    } catch (error) {
      if (codeOf(error) !== 'log-full') throw error
      console.log('full')
      return
    }
  }
}

for (let number = Number(first); !publishing.signal.aborted; number += 1) {
  console.log(`trying ${number}`)
  try {
    await hub.publish('numbers', { event: name, data: number })
    console.log(`stored ${number}`)
  } catch (error) {
    console.log(`refused ${number} ${codeOf(error)}`)
  }
  await delay(pauseMs)
}
console.log('stopped')

function codeOf(error: unknown): string {
  return String((error as { readonly code?: unknown }).code ?? error)
}
