/**
 * A chat for the AI SDK's client whose answers survive: the page is closed and opened again, the network fails, the server is
 * redeployed. `resumable-stream` is not needed for it, nor Redis for one process, and stop stops the model.
 *
 *     POST /chat                  begins an answer, and reads it
 *     GET  /chat/:id/stream       joins the answer that runs, from its beginning: what `useChat({ resume: true })` asks for
 *     POST /chat/:id/stop         stops it
 *
 * Each answer is a topic. Which one a chat's last answer is, the application knows.
 */
import { createRouter, jsonResponse } from '@sse-toolkit/http-core'
import { closeOnSignals, createServer } from '@sse-toolkit/http-core/node'
import { createHub, topic } from '@sse-toolkit/sse-server'
import type { SubscribeOptions } from '@sse-toolkit/sse-server'
import { convertToModelMessages, streamText, toUIMessageStream, UI_MESSAGE_STREAM_HEADERS } from 'ai'
import type { UIMessage, UIMessageChunk } from 'ai'
import { announce, createLog } from '../server-processes.ts'
import { openActiveAnswers } from './active-answers.ts'
import { model } from './model.ts'

const hub = createHub({ log: createLog(), onError: () => undefined })
const activeAnswers = await openActiveAnswers(process.env['REDIS_URL'])
const router = createRouter()

/** The client takes every event for a chunk, so the hub sends no other events, and reports a failure as a chunk. */
function read(request: Request, answer: string, options: Partial<SubscribeOptions> = {}): Promise<Response> {
  return hub.subscribe(request, {
    topics: [topic`answers.${answer}`],
    wireContract: 'ids-only',
    words: { failure: ({ message }) => ({ data: { type: 'error', errorText: message } }) },
    headers: { 'x-vercel-ai-ui-message-stream': UI_MESSAGE_STREAM_HEADERS['x-vercel-ai-ui-message-stream'] },
    ...options,
  })
}

router.post('/chat', async (request) => {
  const { id, messages } = (await request.json()) as { id: string; messages: UIMessage[] }
  const answer = crypto.randomUUID()
  // `stopMs`: it may say how it ends when it is stopped.
  await hub.run(topic`answers.${answer}`, ({ signal }) => answerTo(messages, answer, signal), {
    stopMs: 1000,
  })
  await activeAnswers.set(id, answer)
  return read(request, answer)
})

router.get('/chat/:id/stream', async (request, { params: { id } }) => {
  const answer = await activeAnswers.get(id)
  // 204 tells the client that there is nothing to resume, whether it is over, forgotten, or never was.
  return answer === null
    ? new Response(null, { status: 204 })
    : read(request, answer, { onlyWhileRunning: true })
})

router.post('/chat/:id/stop', async (_request, { params: { id } }) => {
  const answer = await activeAnswers.get(id)
  return jsonResponse({ stopped: answer !== null && (await hub.cancel(topic`answers.${answer}`)) })
})

async function* answerTo(
  messages: UIMessage[],
  answer: string,
  signal: AbortSignal,
): AsyncGenerator<{ data: UIMessageChunk }> {
  const result = streamText({
    model,
    messages: await convertToModelMessages(messages),
    abortSignal: signal,
    onError: () => undefined,
  })
  const stream = toUIMessageStream({
    stream: result.stream,
    originalMessages: messages,
    // The same for all who read it.
    generateMessageId: () => answer,
    // onEnd: ({ messages }) => save them
  })
  const open = new Map<string, 'text' | 'reasoning'>()
  for await (const chunk of stream) {
    if (chunk.type === 'text-start' || chunk.type === 'reasoning-start')
      open.set(chunk.id, chunk.type === 'text-start' ? 'text' : 'reasoning')
    if (chunk.type === 'text-end' || chunk.type === 'reasoning-end') open.delete(chunk.id)
    // The SDK leaves a part that was stopped open, and the page would show it as still being written.
    if (chunk.type === 'abort') for (const [id, part] of open) yield { data: { type: `${part}-end`, id } }
    yield { data: chunk }
  }
}

const server = createServer({ fetch: router.fetch, port: 0 })
await server.listen()
// A redeploy: running answers finish with their readers, while another process serves new readers.
closeOnSignals(server, {
  eventStreams: 'wait',
  timeoutMs: 15_000,
  onClose: () => hub.close({ runsMs: 10_000 }),
})
announce(server.url)
