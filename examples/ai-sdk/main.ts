/**
 * The AI SDK's chat client, resuming an answer that goes on: its own UI message stream, over a finite topic. This is what
 * `resumable-stream` and a Redis are needed for otherwise, and here there is a stop button, too.
 *
 *     POST /chat/:id              begins the answer, and reads it
 *     GET  /chat/:id/stream       joins it, from its beginning: `useChat({ resume: true })` asks for this
 *     POST /chat/:id/stop         stops it
 */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { createRouter, jsonResponse } from '@sse-toolkit/http-core'
import { createServer } from '@sse-toolkit/http-core/node'
import { createHub, topic } from '@sse-toolkit/sse-server'
import {
  createUIMessageStream,
  DefaultChatTransport,
  readUIMessageStream,
  UI_MESSAGE_STREAM_HEADERS,
} from 'ai'
import type { UIMessage, UIMessageChunk } from 'ai'

const words = 'It depends on the weather , and on what you call a good day .'.split(' ')
let asked = 0

/** Stands in for `streamText(...).toUIMessageStream()`. */
function answer(signal: AbortSignal): ReadableStream<UIMessageChunk> {
  asked += 1
  return createUIMessageStream({
    execute: async ({ writer }) => {
      writer.write({ type: 'start', messageId: 'answer' })
      writer.write({ type: 'text-start', id: 'text' })
      for (const word of words) {
        await delay(50, undefined, { signal })
        writer.write({ type: 'text-delta', id: 'text', delta: `${word} ` })
      }
      writer.write({ type: 'text-end', id: 'text' })
      writer.write({ type: 'finish' })
    },
  })
}

const hub = createHub()
const router = createRouter()

function read(request: Request, id: string): Promise<Response> {
  const { 'x-vercel-ai-ui-message-stream': version } = UI_MESSAGE_STREAM_HEADERS
  return hub.subscribe(request, {
    topics: [topic`chat.${id}`],
    wireContract: 'ids-only',
    headers: { 'x-vercel-ai-ui-message-stream': version },
  })
}

router.post('/chat', async (request) => {
  const { id } = (await request.json()) as { id: string }
  await hub.run(topic`chat.${id}`, async function* ({ signal }) {
    for await (const chunk of answer(signal)) yield { data: chunk }
  })
  return read(request, id)
})
router.get('/chat/:id/stream', (request, { params: { id } }) => read(request, id))
router.post('/chat/:id/stop', async (_request, { params: { id } }) =>
  jsonResponse({ stopped: await hub.cancel(topic`chat.${id}`) }),
)

const server = createServer({ fetch: router.fetch, port: 0 })
await server.listen()
const transport = new DefaultChatTransport<UIMessage>({ api: new URL('/chat', server.url).href })

/** The text as far as it has come when the stream ends, or after `count` states of the message. */
async function textOf(
  stream: ReadableStream<UIMessageChunk> | null,
  count = Number.POSITIVE_INFINITY,
): Promise<string> {
  assert.ok(stream !== null, 'there is something to read')
  let text = ''
  for await (const message of readUIMessageStream({ stream, terminateOnError: true })) {
    text = message.parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
    if ((count -= 1) <= 0) break
  }
  return text.trim()
}

const question: UIMessage = {
  id: 'question',
  role: 'user',
  parts: [{ type: 'text', text: 'Will it be nice?' }],
}
const first = await transport.sendMessages({
  trigger: 'submit-message',
  chatId: 'one',
  messageId: undefined,
  messages: [question],
  abortSignal: undefined,
})
const glimpse = await textOf(first, 5)
assert.ok(
  words.join(' ').startsWith(glimpse) && glimpse !== words.join(' '),
  'the reader closed the page early',
)
assert.equal(await textOf(await transport.reconnectToStream({ chatId: 'one' })), words.join(' '))
assert.equal(await textOf(await transport.reconnectToStream({ chatId: 'one' })), words.join(' '))
assert.equal(asked, 1)

const second = await transport.sendMessages({
  trigger: 'submit-message',
  chatId: 'two',
  messageId: undefined,
  messages: [question],
  abortSignal: undefined,
})
await delay(200)
await fetch(new URL('/chat/two/stop', server.url), { method: 'POST' })
const stopped = await textOf(second)
assert.ok(
  stopped !== '' && stopped !== words.join(' ') && words.join(' ').startsWith(stopped),
  'it was stopped',
)

await hub.close()
await server.close({ timeoutMs: 0 })
console.log('ok')
