/**
 * A proxy before a model's provider: the clients of OpenAI and Anthropic use it as they are, and what they read survives. An
 * answer is asked for once, and goes on when its reader leaves; others join it, or resume it, at any process.
 *
 *     POST /v1/chat/completions, /v1/messages     as the provider has it; `x-answer` names the answer
 *     GET  /answers/:provider/:id                 joins, or resumes after `Last-Event-ID`
 *     POST /answers/:provider/:id/stop            stops it, and the request to the provider
 */
import { createEventSource, ResponseError, StreamEndError } from '@sse-toolkit/event-source-client'
import { createRouter, jsonResponse } from '@sse-toolkit/http-core'
import { closeOnSignals, createServer } from '@sse-toolkit/http-core/node'
import { createHub, topic } from '@sse-toolkit/sse-server'
import type { HubEvent } from '@sse-toolkit/sse-server'
import { announce, createLog } from '../server-processes.ts'
import { ProviderError, providers } from './providers.ts'
import type { Provider } from './providers.ts'

const { UPSTREAM_URL: upstreamUrl } = process.env
const hub = createHub({ log: createLog(), onError: () => undefined })
const router = createRouter()

async function* ask(provider: Provider, body: string, signal: AbortSignal): AsyncGenerator<HubEvent> {
  const answer = createEventSource(`${upstreamUrl}${provider.path}`, {
    method: 'POST', // sent once
    headers: { 'content-type': 'application/json', ...provider.headers },
    body,
    idleTimeoutMs: 60_000,
    signal,
  })
  for await (const each of answer) {
    const { event, isEnd } = provider.read(each)
    if (isEnd) return
    if (event !== null) yield event
  }
  // In good order as far as HTTP can tell, and half an answer.
  if (!signal.aborted) throw new ProviderError('The provider ended the answer before its end')
}

/** The text for readers. The error itself could reveal internal details. */
function messageOf(error: unknown): string {
  if (error instanceof ProviderError) return error.message
  if (error instanceof ResponseError) return `The provider refused the request (${error.status})`
  return error instanceof StreamEndError ? 'The connection to the provider was lost' : 'The provider failed'
}

function read(request: Request, name: 'openai' | 'anthropic', id: string): Promise<Response> {
  return hub.subscribe(request, {
    topics: [topic`answers.${name}.${id}`],
    // Each event is one of the provider's, so its client can read the stream.
    wireContract: 'off',
    words: providers[name].words,
    headers: { 'x-answer': id },
  })
}

for (const name of ['openai', 'anthropic'] as const) {
  const provider = providers[name]
  router.post(provider.path, async (request) => {
    const body = await request.text()
    // A client that repeats its request with the same key joins the answer that the first one began.
    const id = request.headers.get('idempotency-key') ?? crypto.randomUUID()
    await hub.run(topic`answers.${name}.${id}`, ({ signal }) => ask(provider, body, signal), {
      errorMessage: messageOf,
    })
    return read(request, name, id)
  })
  router.get(`/answers/${name}/:id`, (request, { params: { id } }) => read(request, name, id))
  router.post(`/answers/${name}/:id/stop`, async (_request, { params: { id } }) =>
    jsonResponse({ stopped: await hub.cancel(topic`answers.${name}.${id}`) }),
  )
}

const server = createServer({ fetch: router.fetch, port: 0 })
await server.listen()
closeOnSignals(server, { eventStreams: 'wait', onClose: () => hub.close({ runsMs: 10_000 }) })
announce(server.url)
