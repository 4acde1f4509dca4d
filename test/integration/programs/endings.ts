import { createHub, respond, respondRaw } from '@sse-toolkit/sse-server'

const quiet = { heartbeatIntervalMs: 0, onError: () => undefined }
const hub = createHub(quiet)

function* whole(): Generator<string> {
  yield 'first'
  yield 'last'
}

function* failing(): Generator<string> {
  yield 'first'
  throw new Error('the model is gone')
}

async function* endless({ signal }: { signal: AbortSignal }): AsyncGenerator<string> {
  yield 'first'
  await new Promise((resolve) => {
    signal.addEventListener('abort', resolve)
  })
}

/** Answers with an event stream that ends in the way that the path names; after `first` at least. */
export async function endings(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  switch (pathname) {
    case '/completed':
      return respond(whole, { ...quiet, request })
    case '/failed-announced':
      return respond(failing, { ...quiet, request })
    case '/failed-broken':
      return respond(failing, { ...quiet, request, sourceFailure: 'break' })
    case '/raw-failed':
      return respondRaw(
        (function* () {
          yield 'data: first\n\n'
          throw new Error('the upstream broke')
        })(),
        { ...quiet, request },
      )
    case '/hub-failed-ids-only': {
      const topic = `answers.${crypto.randomUUID()}`
      await hub.run(topic, failing)
      return hub.subscribe(request, { topics: [topic], wireContract: 'ids-only' })
    }
    case '/hub-disconnected': {
      const topic = `answers.${crypto.randomUUID()}`
      await hub.run(topic, endless)
      const response = await hub.subscribe(request, { topics: [topic] })
      setTimeout(() => hub.disconnect(({ topics }) => topics.includes(topic)), 200)
      return response
    }
    case '/feed-disconnected': {
      const topic = `news.${crypto.randomUUID()}`
      const response = await hub.subscribe(request, { topics: [topic] })
      setTimeout(() => {
        void hub.publish(topic, { data: 'first' })
        setTimeout(() => hub.disconnect(({ topics }) => topics.includes(topic)), 100)
      }, 100)
      return response
    }
    default:
      return new Response(null, { status: 404 })
  }
}
