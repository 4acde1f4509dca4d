/**
 * Reads numbers until SIGTERM, on any runtime; then it has to exit by itself, as nothing is left that holds it.
 *
 * Arguments: `createEventSource` or `EventSource`, and the URL. Prints a line for each number (`number 7`), change of the
 * status (`status open`), gap and call of the platform's fetch, and `closed` after close(): nothing may follow it.
 */
import { createEventSource, EventSource } from '@sse-toolkit/event-source-client'

const [reader, url = ''] = process.argv.slice(2)
const reconnection = { baseDelayMs: 20, minDelayMs: 5, maxDelayMs: 100 }

function readWithClient(): () => void {
  const source = createEventSource(url, { reconnection })
  source.onStatus(({ state }) => {
    if (state !== 'closed') console.log(`status ${state}`)
  })
  source.onGap(({ reason }) => console.log(`gap ${reason}`))
  source.on('message', ({ data }) => console.log(`number ${data}`))
  return () => source.close()
}

function readWithClass(): () => void {
  const source = new EventSource(url, { reconnection })
  source.addEventListener('open', () => console.log('status open'))
  source.addEventListener('error', ({ error }) => console.log(`status reconnecting: ${String(error)}`))
  source.addEventListener('message', ({ data }) => console.log(`number ${data}`))
  source.addEventListener('stream.gap', ({ data }) => console.log(`gap ${data}`))
  return () => source.close()
}

const { fetch } = globalThis
globalThis.fetch = (input, init) => {
  console.log('fetch')
  return fetch(input, init)
}

const close = reader === 'EventSource' ? readWithClass() : readWithClient()
process.once('SIGTERM', () => {
  close()
  console.log('closed')
})
