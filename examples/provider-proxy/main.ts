/** The providers' own clients, and readers who join, resume, and press stop, through the proxy. */
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import Anthropic from '@anthropic-ai/sdk'
import { createEventSource } from '@sse-toolkit/event-source-client'
import OpenAI from 'openai'
import { startServers } from '../server-processes.ts'
import { startUpstream, words } from './upstream.ts'

const upstream = await startUpstream()
const { here, there } = await startServers(new URL('server.ts', import.meta.url), {
  UPSTREAM_URL: upstream.url,
})
const whole = words.join('')
const messages = [{ role: 'user' as const, content: 'Will it be nice?' }]

interface Client {
  readonly name: 'openai' | 'anthropic'
  /** Asks, as the provider's own client does, and gives the words as they come. */
  ask(model: string, key: string, url?: string): AsyncGenerator<string>
  /** The text of an event; undefined if it has none. */
  textOf(event: { readonly type: string; readonly data: string }): string | undefined
}

const clients: readonly Client[] = [
  {
    name: 'openai',
    async *ask(model, key, url = new URL('/v1', here.url).href) {
      const client = new OpenAI({ baseURL: url, apiKey: 'none', maxRetries: 0 })
      const options = { headers: { 'idempotency-key': key } }
      const stream = await client.chat.completions.create({ model, messages, stream: true }, options)
      let isStopped = false
      for await (const { choices } of stream) {
        yield choices[0]?.delta.content ?? ''
        isStopped = choices[0]?.finish_reason === 'stop'
      }
      if (!isStopped) yield '(stopped)'
    },
    textOf: ({ data }) =>
      data === '[DONE]'
        ? undefined
        : ((JSON.parse(data) as OpenAI.ChatCompletionChunk).choices?.[0]?.delta.content ?? undefined),
  },
  {
    name: 'anthropic',
    async *ask(model, key, url = here.url) {
      const client = new Anthropic({ baseURL: url, apiKey: 'none', maxRetries: 0 })
      const request = { model, messages, max_tokens: 100, stream: true as const }
      let isStopped = false
      for await (const event of await client.messages.create(request, {
        headers: { 'idempotency-key': key },
      })) {
        if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') yield event.delta.text
        isStopped ||= event.type === 'message_delta'
      }
      if (!isStopped) yield '(stopped)'
    },
    textOf({ type, data }) {
      const { delta } = JSON.parse(data) as { delta?: { text?: string } }
      return type === 'content_block_delta' ? delta?.text : undefined
    },
  },
]

async function textOf(answer: AsyncIterable<string>): Promise<string> {
  let text = ''
  for await (const word of answer) text += word
  return text
}

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = performance.now() + 10_000; !condition(); await delay(5))
    assert.ok(performance.now() < deadline, `in time: ${String(condition)}`)
}

// The answers of one run of this program.
const run = crypto.randomUUID()

for (const client of clients) {
  const { name } = client
  const ask = (model: string, id: string, url?: string): AsyncGenerator<string> =>
    client.ask(model, `${run}-${id}`, url)
  const answerUrl = (id: string): string => new URL(`/answers/${name}/${run}-${id}`, there.url).href
  /** Joins an answer at the other process, or resumes it. */
  async function join(
    id: string,
    lastEventId?: string,
    count = Number.POSITIVE_INFINITY,
  ): Promise<{ text: string; lastEventId: string; isFailed: boolean }> {
    const joined = { text: '', lastEventId: '', isFailed: false }
    const source = createEventSource(answerUrl(id), {
      reconnect: 'never',
      ...(lastEventId !== undefined && { lastEventId }),
    })
    for await (const event of source) {
      joined.text += client.textOf(event) ?? ''
      joined.lastEventId = event.lastEventId
      joined.isFailed ||= event.data.includes('"error"')
      if ((count -= 1) <= 0) break
    }
    return joined
  }
  const stop = async (id: string): Promise<boolean> => {
    const response = await fetch(`${answerUrl(id)}/stop`, { method: 'POST' })
    return ((await response.json()) as { stopped: boolean }).stopped
  }

  // The provider's client reads the provider, and the proxy, alike.
  const direct = name === 'openai' ? `${upstream.url}/v1` : upstream.url
  assert.equal(await textOf(ask('fine', 'direct', direct)), whole)
  const { asked } = upstream
  const reading = textOf(ask('fine', 'first'))
  await until(() => upstream.asked === asked + 1)

  // One joins at the other process, one is cut and resumes, one sends the request again. The provider is asked once.
  const [joined, resumed, repeated] = await Promise.all([
    join('first'),
    join('first', undefined, 5).then(async (part) => ({
      text: part.text + (await join('first', part.lastEventId)).text,
    })),
    textOf(ask('fine', 'first')),
  ])
  assert.deepEqual([await reading, joined.text, resumed.text, repeated], [whole, whole, whole, whole])
  assert.equal(upstream.asked, asked + 1)

  // The one who asked leaves, and the answer goes on.
  for await (const word of ask('fine', 'second')) if (word !== '') break
  assert.equal((await join('second')).text, whole)

  // Stop ends the answer for all who read, and the request to the provider with it.
  const { abandoned } = upstream
  const stopping = textOf(ask('fine', 'third'))
  const { lastEventId } = await join('third', undefined, 4)
  assert.equal(await stop('third'), true)
  const stopped = await stopping
  assert.ok(stopped.endsWith('(stopped)') && whole.startsWith(stopped.slice(0, -'(stopped)'.length)), stopped)
  const rest = await join('third', lastEventId)
  assert.equal(rest.isFailed, false)
  await until(() => upstream.abandoned === abandoned + 1)
  assert.equal(await stop('third'), false)

  // Any failure at the provider reaches each reader, so that no reader mistakes half an answer for the whole.
  for (const model of ['fails', 'cut', 'short', 'busy']) {
    const failing = assert.rejects(textOf(ask(model, model)), `${name} ${model}`)
    const witness = await join(model)
    await failing
    assert.ok(witness.isFailed && !witness.text.includes('good'), `${name} ${model}: ${witness.text}`)
    assert.ok((await join(model)).isFailed, 'and for one who comes later')
  }
}

await there.end('SIGTERM')
if (here !== there) await here.end('SIGTERM')
upstream.close()
console.log('ok')
