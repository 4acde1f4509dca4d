import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/*
 * A program: an event stream of the numbers, one per millisecond, each with itself as its id, from the one after
 * Last-Event-ID. Each event leaves in two writes, so that a kill may come between.
 *
 *     node numbers-server.ts [port]
 */
const server = createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  let next = Number(request.headers['last-event-id'] ?? 0) + 1
  const timer = setInterval(() => {
    response.write(`retry: 20\nid: ${next}\nda`)
    setImmediate(() => response.write(`ta: ${next++}\n\n`))
  }, 1)
  response.on('close', () => clearInterval(timer))
})
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => {
  process.stdout.write(`listening on ${(server.address() as AddressInfo).port}\n`)
})
