/**
 * Counts what deliveries cost, in things that can be counted: the same on every machine, however busy it is.
 *
 *     node --expose-gc --min-semi-space-size=64 --max-semi-space-size=64 count-deliveries.ts
 *
 * The young generation is so large that nothing is collected while it counts. Prints one line of JSON, as `Counts`.
 */
import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, Socket } from 'node:net'
import { PerformanceObserver } from 'node:perf_hooks'
import { setImmediate as endOfTurn } from 'node:timers/promises'
import { createEventSource } from '@sse-toolkit/event-source-client'
import { createRouter } from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import { createHub } from '@sse-toolkit/sse-server'

export interface Counts {
  /** By events published in one turn of the event loop. */
  readonly fanOut: Readonly<Record<number, DeliveryCounts>>
  readonly idle: {
    /** Of the heap, for each connection that only waits. */
    readonly bytesInUse: number
  }
  readonly client: {
    /** Of the heap, for each event that a listener got. */
    readonly bytesAllocated: number
  }
}

/** All for one event to one connection. */
export interface DeliveryCounts {
  readonly writes: number
  readonly bytesOnTheWire: number
  readonly bytesAllocated: number
}

const host = '127.0.0.1'
const connections = 50
const idleConnections = 1000
const turns = 200
const data = 'x'.repeat(43)

async function countServer(): Promise<Pick<Counts, 'fanOut' | 'idle'>> {
  const hub = createHub()
  const router = createRouter()
  router.get('/events', (request) => hub.subscribe(request, { topics: ['counted'] }))
  const server = createServer({ fetch: router.fetch, port: 0 })
  await server.listen()
  const readers = await startReaders(server.port, connections)
  let received = 0
  readers.on('message', (bytes: number) => {
    received = bytes
  })
  const run = async (perTurn: number): Promise<number> => {
    for (let turn = 0; turn < turns; turn += 1) {
      for (let event = 0; event < perTurn; event += 1) void hub.publish('counted', { data })
      await endOfTurn()
      // What is written is also called back: nothing may pile up between the turns.
      await endOfTurn()
    }
    return turns * perTurn * connections
  }
  const arrived = async (): Promise<number> => {
    let before = -1
    while (before !== received) {
      before = received
      readers.send('count')
      await once(readers, 'message')
    }
    return received
  }

  const counts: Record<number, DeliveryCounts> = {}
  for (const perTurn of [1, 10]) {
    const bytesBefore = await arrived()
    await run(perTurn)
    const bytesOnTheWire = (await arrived()) - bytesBefore
    // Before the writes: to count them is to make them slower, and more costly.
    const bytesAllocated = await countAllocated(() => run(perTurn))
    await arrived()
    const writes = await countWrites(() => run(perTurn))
    await arrived()
    const deliveries = turns * perTurn * connections
    counts[perTurn] = {
      writes: writes / deliveries,
      bytesOnTheWire: bytesOnTheWire / deliveries,
      bytesAllocated: bytesAllocated / deliveries,
    }
  }
  const idle = await countIdle(server.port)
  readers.disconnect()
  await hub.close({ timeoutMs: 0 })
  await server.close({ timeoutMs: 0 })
  return { fanOut: counts, idle }
}

async function countIdle(port: number | undefined): Promise<Counts['idle']> {
  const before = await heapInUse()
  const readers = await startReaders(port, idleConnections)
  const after = await heapInUse()
  readers.disconnect()
  return { bytesInUse: (after - before) / idleConnections }
}

/** They have a process of their own: what they allocate does not count. */
async function startReaders(port: number | undefined, count: number): Promise<ChildProcess> {
  const readers = fork(import.meta.filename, ['read', String(port), String(count)], {
    execArgv: process.execArgv,
  })
  await once(readers, 'message')
  return readers
}

async function heapInUse(): Promise<number> {
  for (let collection = 0; collection < 3; collection += 1) {
    await endOfTurn()
    collectGarbage()
  }
  return process.memoryUsage().heapUsed
}

function collectGarbage(): void {
  const { gc } = globalThis
  if (gc === undefined) throw new TypeError('Run with --expose-gc')
  gc()
}

/** Each asks for the events, and counts the bytes that come. */
async function read(port: number, count: number): Promise<void> {
  let bytes = 0
  const opened = Array.from({ length: count }, async () => {
    const socket = connect(port, host)
    socket.write(`GET /events HTTP/1.1\r\nHost: ${host}\r\n\r\n`)
    await once(socket, 'data')
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length
    })
  })
  await Promise.all(opened)
  process.send?.(bytes)
  process.on('message', () => {
    setTimeout(() => process.send?.(bytes), 50)
  })
  process.on('disconnect', () => process.exit(0))
}

/** Calls of a socket's `write`: each is one system call, as long as the kernel accepts all bytes. */
async function countWrites(run: () => Promise<unknown>): Promise<number> {
  const write = Reflect.get(Socket.prototype, 'write') as (this: Socket, ...args: unknown[]) => boolean
  let writes = 0
  Reflect.set(Socket.prototype, 'write', function (this: Socket, ...args: unknown[]) {
    writes += 1
    return write.apply(this, args)
  })
  await run()
  Reflect.set(Socket.prototype, 'write', write)
  return writes
}

/** The least of three: a busy machine optimises the code later, and what is not optimised allocates more. */
async function countAllocated(run: () => Promise<unknown>): Promise<number> {
  const counts = [await countAllocatedOnce(run), await countAllocatedOnce(run), await countAllocatedOnce(run)]
  return Math.min(...counts)
}

async function countAllocatedOnce(run: () => Promise<unknown>): Promise<number> {
  collectGarbage()
  let collections = 0
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length
  })
  observer.observe({ entryTypes: ['gc'] })
  await endOfTurn()
  collections = 0
  const before = process.memoryUsage().heapUsed
  await run()
  const after = process.memoryUsage().heapUsed
  await endOfTurn()
  observer.disconnect()
  if (collections > 0) throw new TypeError('The garbage collector ran')
  return after - before
}

async function countClient(): Promise<Counts['client']> {
  const eventsInChunk = 500
  const block = `id: 0123456789\ndata: ${data}\n\n`
  const chunk = new TextEncoder().encode(block.repeat(eventsInChunk))
  let send = (_chunk: Uint8Array): void => {}
  const source = createEventSource(`http://${host}/`, {
    transport: (_request, sink) => {
      send = (bytes) => sink.onData(bytes)
      queueMicrotask(() =>
        sink.onResponse({
          status: 200,
          headers: new Headers({ 'content-type': 'text/event-stream' }),
          url: `http://${host}/`,
        }),
      )
      return { pause() {}, resume() {}, abort() {} }
    },
  })
  let events = 0
  source.on('message', () => {
    events += 1
  })
  await endOfTurn()
  const run = async (): Promise<void> => {
    for (let index = 0; index < 100; index += 1) send(chunk)
  }
  await run()
  await run()
  const eventsInRun = events / 2
  const bytesAllocated = (await countAllocated(run)) / eventsInRun
  source.close()
  return { bytesAllocated }
}

const [, , role, port, count] = process.argv
if (role === 'read') await read(Number(port), Number(count))
else {
  const counts: Counts = { ...(await countServer()), client: await countClient() }
  console.log(JSON.stringify(counts))
}
