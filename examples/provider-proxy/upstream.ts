/**
 * Stands in for two providers, and sends what real providers send around the text: comments and pings, errors within a
 * stream, missing ends. The name of the model chooses the behavior:
 *
 *     fine     the whole answer
 *     fails    an error within the stream
 *     cut      the connection is destroyed in the middle
 *     short    the stream ends cleanly, but before the answer's end
 *     busy     429
 */
import { createServer } from 'node:http'
import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

export const words: readonly string[] = 'It depends on the weather, and on what you call a good day.'.split(
  /(?<= )/,
)

export interface Upstream {
  readonly url: string
  /** Requests for an answer. */
  readonly asked: number
  /** Answers that the client did not read to their end. */
  readonly abandoned: number
  close(): void
}

interface Wire {
  readonly begin: readonly string[]
  word(text: string): string
  readonly ping: string
  readonly end: readonly string[]
  readonly failure: string
  readonly refusal: object
}

function data(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

/** https://platform.openai.com/docs/api-reference/chat-streaming */
const openai: Wire = (() => {
  const chunk = (delta: object, finishReason: string | null = null): string =>
    data({
      id: 'chatcmpl-1',
      object: 'chat.completion.chunk',
      created: 1_750_000_000,
      model: 'model',
      choices: [{ index: 0, delta, finish_reason: finishReason }],
    })
  const error = { message: 'The server had an error', type: 'server_error', param: null, code: null }
  return {
    begin: [chunk({ role: 'assistant', content: '' })],
    word: (text) => chunk({ content: text }),
    ping: ': keep-alive\n\n',
    end: [chunk({}, 'stop'), 'data: [DONE]\n\n'],
    failure: data({ error }),
    refusal: { error: { ...error, message: 'Rate limit reached', type: 'requests' } },
  }
})()

/** https://docs.anthropic.com/en/docs/build-with-claude/streaming */
const anthropic: Wire = (() => {
  const event = (type: string, rest: object): string => `event: ${type}\n${data({ type, ...rest })}`
  const message = { id: 'msg_1', type: 'message', role: 'assistant', model: 'model', content: [] }
  const usage = { input_tokens: 1, output_tokens: 1 }
  return {
    begin: [
      event('message_start', { message: { ...message, stop_reason: null, stop_sequence: null, usage } }),
      event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    ],
    word: (text) => event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } }),
    ping: event('ping', {}),
    end: [
      event('content_block_stop', { index: 0 }),
      event('message_delta', { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage }),
      event('message_stop', {}),
    ],
    failure: event('error', { error: { type: 'overloaded_error', message: 'Overloaded' } }),
    refusal: { type: 'error', error: { type: 'rate_limit_error', message: 'Rate limit reached' } },
  }
})()

async function answer(res: ServerResponse, wire: Wire, model: string): Promise<void> {
  if (model === 'busy') {
    res.writeHead(429, { 'content-type': 'application/json', 'retry-after': '1' })
    res.end(JSON.stringify(wire.refusal))
    return
  }
  res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' })
  const closed = new AbortController()
  res.on('close', () => closed.abort())
  for (const block of wire.begin) res.write(block)
  for (const [index, word] of words.entries()) {
    await delay(15, undefined, { signal: closed.signal })
    if (index === 6) {
      if (model === 'cut') return void res.destroy()
      if (model === 'short') return void res.end()
      if (model === 'fails') return void res.end(wire.failure)
    }
    res.write(index % 4 === 0 ? wire.ping + wire.word(word) : wire.word(word))
  }
  for (const block of wire.end) res.write(block)
  res.end()
}

export async function startUpstream(): Promise<Upstream> {
  const counts = { asked: 0, abandoned: 0 }
  const server = createServer((req, res) => {
    void (async () => {
      let content = ''
      for await (const piece of req.setEncoding('utf8')) content += String(piece)
      const { model } = JSON.parse(content) as { model: string }
      counts.asked += 1
      try {
        await answer(res, req.url === '/v1/messages' ? anthropic : openai, model)
      } catch {
        // The client has left.
        counts.abandoned += 1
      }
    })()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get asked() {
      return counts.asked
    },
    get abandoned() {
      return counts.abandoned
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
