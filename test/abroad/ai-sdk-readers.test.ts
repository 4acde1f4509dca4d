import Anthropic from '@anthropic-ai/sdk'
import { createServer } from '@sse-toolkit/http-core/node'
import { createHub } from '@sse-toolkit/sse-server'
import type { Hub, Producer, SubscribeOptions } from '@sse-toolkit/sse-server'
import OpenAI from 'openai'
import { describe, expect, it, onTestFinished } from 'vitest'

// An answer that a hub holds, read by the SDKs that most read such answers with. They know nothing of our contract, and each has
// its own way to say that an answer is whole, and that it failed.

/** A server whose every request joins the topic `answer`, with these words. */
async function serving(options: Partial<SubscribeOptions>): Promise<{ hub: Hub; url: string }> {
  const hub = createHub({ heartbeatIntervalMs: 20, onError: () => undefined })
  const server = createServer({
    port: 0,
    fetch: (request) => hub.subscribe(request, { topics: ['answer'], ...options }),
  })
  await server.listen()
  onTestFinished(async () => {
    await hub.close()
    await server.close({ timeoutMs: 0 })
  })
  return { hub, url: server.url ?? '' }
}

const words = ['It', ' depends', '.']

/** Gives the events, with heartbeats between them, and then fails, if it should. */
function producing(events: readonly { event?: string; data: unknown }[], failure?: string): Producer {
  return async function* () {
    for (const event of events) {
      await new Promise((resolve) => {
        setTimeout(resolve, 30)
      })
      yield event
    }
    if (failure !== undefined) throw new Error(failure)
  }
}

describe('openai', () => {
  const chunks = words.map((content, index) => ({
    data: {
      id: 'chatcmpl-1',
      object: 'chat.completion.chunk',
      created: 1,
      model: 'ours',
      choices: [{ index: 0, delta: { content }, finish_reason: index === 2 ? 'stop' : null }],
    },
  }))
  const options: Partial<SubscribeOptions> = {
    wireContract: 'ids-only',
    words: {
      end: ({ reason }) => (reason === 'completed' ? { data: '[DONE]' } : null),
      failure: ({ message }) => ({ data: { error: { message, type: 'server_error' } } }),
    },
  }

  async function read(url: string): Promise<string> {
    const client = new OpenAI({ baseURL: url, apiKey: 'none', maxRetries: 0 })
    const stream = await client.chat.completions.create({ model: 'ours', stream: true, messages: [] })
    let answer = ''
    for await (const { choices } of stream) answer += choices[0]?.delta.content ?? ''
    return answer
  }

  it('reads an answer from its beginning to its end, whenever it joins', async () => {
    const { hub, url } = await serving(options)
    const run = await hub.run('answer', producing(chunks))
    const early = read(url)
    if (run.started) await run.finished
    expect([await early, await read(url)]).toEqual(['It depends.', 'It depends.'])
  })

  it('fails where the answer fails', async () => {
    const { hub, url } = await serving(options)
    await hub.run('answer', producing(chunks, 'secret'), { errorMessage: 'overloaded' })
    await expect(read(url)).rejects.toThrow('overloaded')
  })

  it('fails where the process that gave the answer stops', async () => {
    const { hub, url } = await serving(options)
    await hub.run('answer', producing([...chunks, ...chunks, ...chunks]))
    const reading = read(url)
    reading.catch(() => undefined)
    await expect.poll(() => hub.stats().connections).toBe(1)
    await hub.close()
    await expect(reading).rejects.toThrow()
  })
})

describe('@anthropic-ai/sdk', () => {
  const usage = { input_tokens: 1, output_tokens: 1 }
  const typed = (data: { type: string } & Record<string, unknown>) => ({ event: data.type, data })
  const events = [
    typed({
      type: 'message_start',
      message: { id: 'msg_1', type: 'message', role: 'assistant', content: [], model: 'ours', usage },
    }),
    typed({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    typed({ type: 'ping' }),
    ...words.map((text) =>
      typed({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } }),
    ),
    typed({ type: 'content_block_stop', index: 0 }),
    typed({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage }),
    typed({ type: 'message_stop' }),
  ]
  const options: Partial<SubscribeOptions> = {
    wireContract: 'ids-only',
    words: {
      failure: ({ message }) => ({
        event: 'error',
        data: { type: 'error', error: { type: 'overloaded_error', message } },
      }),
    },
  }

  async function read(url: string): Promise<string> {
    const client = new Anthropic({ baseURL: url, apiKey: 'none', maxRetries: 0 })
    const stream = client.messages.stream({
      model: 'ours',
      max_tokens: 10,
      messages: [{ role: 'user', content: 'x' }],
    })
    return stream.finalText()
  }

  it('reads an answer from its beginning to its end, whenever it joins', async () => {
    const { hub, url } = await serving(options)
    const run = await hub.run('answer', producing(events))
    const early = read(url)
    if (run.started) await run.finished
    expect([await early, await read(url)]).toEqual(['It depends.', 'It depends.'])
  })

  it('fails where the answer fails', async () => {
    const { hub, url } = await serving(options)
    await hub.run('answer', producing(events.slice(0, 5), 'secret'), { errorMessage: 'overloaded' })
    await expect(read(url)).rejects.toThrow('overloaded')
  })

  it('fails where the process that gave the answer stops', async () => {
    const { hub, url } = await serving(options)
    await hub.run('answer', producing(events))
    const reading = read(url)
    reading.catch(() => undefined)
    await expect.poll(() => hub.stats().connections).toBe(1)
    await hub.close()
    await expect(reading).rejects.toThrow()
  })
})
