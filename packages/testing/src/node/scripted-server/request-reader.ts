import type { Socket } from 'node:net'

const maxHeadBytes = 64 * 1024
const maxBodyBytes = 16 * 1024 * 1024

/** One request as it came over the wire. */
export interface ScriptedRequest {
  readonly method: string
  /** The request target as sent: path and query. */
  readonly target: string
  /** `HTTP/1.1` */
  readonly version: string
  /** The fields in order, names as sent. */
  readonly headerList: readonly (readonly [name: string, value: string])[]
  /** Names in lower case; the values of a repeated field joined with `, `. */
  readonly headers: ReadonlyMap<string, string>
  /** Empty when the request has neither Content-Length nor a chunked body. */
  readonly body: Buffer
  /** Counted over the server's connections, from 0. */
  readonly connectionIndex: number
  /** Counted over the server's requests, from 0. */
  readonly requestIndex: number
}

/** The request before the server has counted it. */
export type ParsedRequest = Omit<ScriptedRequest, 'connectionIndex' | 'requestIndex'>

/** The client sent bytes that are not an HTTP/1.1 request. */
export class MalformedRequestError extends Error {
  override readonly name = 'MalformedRequestError'
  readonly code = 'malformed-request'
  /** What the client sent, whole. */
  readonly received: string

  constructor(what: string, received: string) {
    super(`Expected ${what}, got ${JSON.stringify(received.slice(0, 80))}.`)
    this.received = received
  }
}

/**
 * Reads the requests of one connection, one after the other.
 *
 * @returns A function that resolves to the next request, or to undefined when the client has closed.
 */
export function createRequestReader(socket: Socket): () => Promise<ParsedRequest | undefined> {
  let received: Buffer = Buffer.alloc(0)
  let ended = false
  let wake: (() => void) | undefined

  socket.on('data', (bytes: Buffer) => {
    received = received.length === 0 ? bytes : Buffer.concat([received, bytes])
    wake?.()
  })
  for (const event of ['end', 'close'])
    socket.on(event, () => {
      ended = true
      wake?.()
    })

  /** More bytes than before, or false when no more will come. */
  async function more(): Promise<boolean> {
    if (ended) return false
    const before = received.length
    await new Promise<void>((resolve) => {
      wake = resolve
    })
    return received.length > before
  }

  async function takeThrough(delimiter: string, limit: number): Promise<string | undefined> {
    for (;;) {
      const at = received.indexOf(delimiter)
      if (at !== -1) return take(at + delimiter.length).toString('latin1')
      if (received.length > limit)
        throw new MalformedRequestError(`an end within ${limit} bytes`, received.toString('latin1'))
      if (!(await more())) return undefined
    }
  }

  async function takeBytes(byteCount: number): Promise<Buffer | undefined> {
    if (!(byteCount >= 0 && byteCount <= maxBodyBytes))
      throw new MalformedRequestError(`a body of 0 to ${maxBodyBytes} bytes`, String(byteCount))
    while (received.length < byteCount) if (!(await more())) return undefined
    return take(byteCount)
  }

  function take(byteCount: number): Buffer {
    const taken = received.subarray(0, byteCount)
    received = received.subarray(byteCount)
    return taken
  }

  async function takeChunkedBody(): Promise<Buffer | undefined> {
    const chunks: Buffer[] = []
    let total = 0
    for (;;) {
      const line = await takeThrough('\r\n', maxHeadBytes)
      if (line === undefined) return undefined
      const size = /^[0-9a-f]+/i.exec(line)
      if (size === null) throw new MalformedRequestError('a chunk size', line)
      const byteCount = Number.parseInt(size[0], 16)
      total += byteCount
      if (total > maxBodyBytes)
        throw new MalformedRequestError(`a body of at most ${maxBodyBytes} bytes`, String(total))
      const chunk = await takeBytes(byteCount + 2)
      if (chunk === undefined) return undefined
      if (byteCount === 0) return Buffer.concat(chunks)
      chunks.push(chunk.subarray(0, byteCount))
    }
  }

  return async () => {
    const head = await takeThrough('\r\n\r\n', maxHeadBytes)
    if (head === undefined) return undefined
    const parsed = parseHead(head)
    const body = await (parsed.headers.get('transfer-encoding')?.toLowerCase() === 'chunked'
      ? takeChunkedBody()
      : takeBytes(Number(parsed.headers.get('content-length') ?? 0)))
    return body === undefined ? undefined : { ...parsed, body }
  }
}

function parseHead(head: string): Omit<ParsedRequest, 'body'> {
  const [requestLine = '', ...fieldLines] = head.slice(0, -4).split('\r\n')
  const [, method, target, version] = /^(\S+) (\S+) (HTTP\/1\.[01])$/.exec(requestLine) ?? []
  if (method === undefined || target === undefined || version === undefined)
    throw new MalformedRequestError('an HTTP/1.1 request line', requestLine)

  const headerList: [string, string][] = []
  const headers = new Map<string, string>()
  for (const line of fieldLines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? []
    if (name === undefined || value === undefined) throw new MalformedRequestError('a header field', line)
    headerList.push([name, value])
    const earlier = headers.get(name.toLowerCase())
    headers.set(name.toLowerCase(), earlier === undefined ? value : `${earlier}, ${value}`)
  }
  return { method, target, version, headerList, headers }
}
