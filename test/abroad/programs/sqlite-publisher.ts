/**
 * One of several processes on a log in a file: publishes numbers of its own, and prints what it has been given and what was
 * acknowledged, a line each. It is killed at any moment.
 *
 * Arguments: the file, its name, the first number.
 *
 *     stored <topic> <number>
 *     received <topic> <number>
 *     gap
 */
import { createHub } from '@sse-toolkit/sse-server'
import { sqliteLog } from '@sse-toolkit/sse-sqlite'

const [path = '', name = '', first = '1'] = process.argv.slice(2)
const hub = createHub({ log: sqliteLog({ path, maxEvents: 1_000_000, maxAgeMs: 0 }), heartbeatIntervalMs: 0 })

const pauseMs = 20

async function publish(): Promise<void> {
  for (let number = Number(first); ; number += 10) {
    const numbers = Array.from({ length: 10 }, (_, n) => number + n)
    await Promise.all(numbers.map((each) => hub.publish(`from.${name}`, { data: String(each) })))
    for (const each of numbers) console.log(`stored from.${name} ${each}`)
    await new Promise((resolve) => {
      setTimeout(resolve, pauseMs)
    })
  }
}

async function read(): Promise<void> {
  for await (const reading of hub.read(['from.one', 'from.two'])) {
    if (reading.type === 'event') console.log(`received ${reading.topic} ${reading.data}`)
    else console.log(reading.type)
  }
}

console.log('ready')
await Promise.all([publish(), read()])
