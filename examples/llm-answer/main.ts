/**
 * Readers who behave as readers do: one closes the page at once, one is cut three times, one joins late, one presses
 * stop. Each that stays ends with the right text, and by itself; and the model was asked once for each answer.
 */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { createEventSource } from '@sse-toolkit/event-source-client'
import { startServer } from './server.ts'

const words = 'It depends on the weather , and on what you call a good day .'.split(' ')
const asked: string[] = []

/** Stands in for a model: ten words a second. */
async function* askModel(id: string, signal: AbortSignal): AsyncGenerator<string> {
  asked.push(id)
  for (const word of words) {
    await delay(100, undefined, { signal })
    yield word
  }
}

const { url, hub, close } = await startServer(askModel)

async function begin(id: string): Promise<boolean> {
  const response = await fetch(`${url}/answers/${id}`, { method: 'POST' })
  return ((await response.json()) as { started: boolean }).started
}

/** Reads an answer to its end. The loop ends because the server says that there is nothing more to come. */
async function read(id: string, reader: string): Promise<string> {
  const received: string[] = []
  for await (const { type, data } of createEventSource(`${url}/answers/${id}?reader=${reader}`)) {
    if (type === 'message') received.push(data)
  }
  return received.join(' ')
}

/** Opens the page, and closes it again before the first word is complete. */
async function glance(id: string): Promise<void> {
  const source = createEventSource(`${url}/answers/${id}?reader=glancing`)
  for await (const _first of source) break
  source.close()
}

/** A network that fails three times. */
async function cutThreeTimes(reader: string): Promise<void> {
  for (let cuts = 0; cuts < 3;) {
    await delay(50)
    cuts += hub.disconnect(({ identity }) => identity === reader)
  }
}

assert.equal(await begin('first'), true)
assert.equal(await begin('first'), false, 'nobody starts it a second time')
const [, cut, , late] = await Promise.all([
  glance('first'),
  read('first', 'cut'),
  cutThreeTimes('cut'),
  delay(700).then(() => read('first', 'late')),
])
assert.equal(cut, words.join(' '))
assert.equal(late, words.join(' '))
assert.equal(await read('first', 'after'), words.join(' '), 'an answer that is complete can still be read')

assert.equal(await begin('second'), true)
const stopped = read('second', 'stopping')
await delay(450)
await fetch(`${url}/answers/second/stop`, { method: 'POST' })
const beginning = await stopped
assert.ok(
  beginning.length > 0 && beginning.length < words.join(' ').length,
  `it was stopped after: ${beginning}`,
)
assert.ok(words.join(' ').startsWith(beginning))

assert.deepEqual(asked, ['first', 'second'])
await close()
console.log('ok')
