import type {
  Transport,
  TransportExchange,
  TransportRequest,
  TransportResponse,
} from '../src/transport/transport.ts'

export function requestOf(url: string, more: Partial<TransportRequest> = {}): TransportRequest {
  return {
    url: new URL(url),
    method: 'GET',
    headers: new Headers(),
    body: null,
    credentials: 'same-origin',
    secretHeaders: [],
    ...more,
  }
}

export interface RecordedExchange extends TransportExchange {
  readonly calls: string[]
  readonly response: Promise<TransportResponse>
  /** Resolves with the text of the body when it has ended; rejects with its error. */
  readonly text: Promise<string>
  readonly receivedBytes: () => number
}

/** Runs an exchange and records every call of the sink. */
export function exchangeWith(transport: Transport, request: TransportRequest): RecordedExchange {
  const calls: string[] = []
  const response = Promise.withResolvers<TransportResponse>()
  const body = Promise.withResolvers<string>()
  // Each test awaits only the promises that it needs.
  response.promise.catch(() => {})
  body.promise.catch(() => {})
  const utf8 = new TextDecoder()
  let text = ''
  let byteCount = 0
  const exchange = transport(request, {
    onResponse(head) {
      calls.push('response')
      response.resolve(head)
    },
    onData(chunk) {
      if (calls.at(-1) !== 'data') calls.push('data')
      text += utf8.decode(chunk, { stream: true })
      byteCount += chunk.length
    },
    onEnd() {
      calls.push('end')
      body.resolve(text)
    },
    onError(error) {
      calls.push('error')
      response.reject(error)
      body.reject(error)
    },
  })
  return {
    ...exchange,
    calls,
    response: response.promise,
    text: body.promise,
    receivedBytes: () => byteCount,
  }
}
