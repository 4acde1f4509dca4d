// Its users may have neither this lib nor @types/node, and AsyncDisposable is part of the types below.
/// <reference lib="esnext.disposable" preserve="true" />

import { EventStreamError } from '../errors/event-stream-error.ts'
import { OptionError } from '../errors/option-error.ts'
import { systemRuntime } from '../runtime.ts'
import { defaultTimeoutMs, within } from '../within.ts'
import { createEventDecoder } from './event-decoder.ts'
import type { ReceivedEvent } from './event-decoder.ts'
import { isEventStream } from './is-event-stream.ts'

export interface ReadEventsOptions {
  /** How long to wait for each event, in milliseconds of the real clock. @defaultValue 4000 */
  readonly timeoutMs?: number
}

/** The events of one response. Reads from the body only while a call waits for an event. */
export interface EventReader extends AsyncIterableIterator<ReceivedEvent, undefined>, AsyncDisposable {
  /** What the calls so far have returned, oldest first. */
  readonly events: readonly ReceivedEvent[]
  /** The comments that were read so far, without the colon and one space. */
  readonly comments: readonly string[]
  /** What a client would resume after. */
  readonly lastEventId: string
  /** What the last `retry` said, in milliseconds; undefined without a `retry`. */
  readonly reconnectionTimeMs: number | undefined
  /**
   * The next event. Done when the stream has ended.
   *
   * @throws {@link TimeoutError} `code: 'timeout'`, with the events so far.
   * @throws {@link EventStreamError} `code: 'broken'` if the body fails.
   */
  next(): Promise<IteratorResult<ReceivedEvent, undefined>>
  /**
   * The next `count` events.
   *
   * @throws {@link EventStreamError} `code: 'ended'` if the stream ends before; and what `next` throws.
   */
  take(count: number): Promise<readonly ReceivedEvent[]>
  /** All events until the end of the stream, for a response that ends; throws what `next` throws. */
  rest(): Promise<readonly ReceivedEvent[]>
  /** Closes the stream as a client that leaves: the body is cancelled. */
  close(): Promise<void>
}

/**
 * Reads the events of a response, for the test of a route.
 *
 * @param response - What the handler under test returned, or what `fetch` gave.
 * @throws {@link EventStreamError} `code: 'not-an-event-stream'`
 * @example
 * ```ts
 * import { readEvents } from '@sse-toolkit/testing'
 *
 * const headers = { 'content-type': 'text/event-stream' }
 * const response = new Response('id: 7\nevent: paid\ndata: {"total":12}\n\n', { headers })
 * const events = readEvents(response)
 * await events.take(1) // [{ type: 'paid', data: '{"total":12}', lastEventId: '7' }]
 * await events.next() // { done: true, value: undefined }
 * ```
 */
export function readEvents(response: Response, options: ReadEventsOptions = {}): EventReader {
  const { timeoutMs = defaultTimeoutMs } = options
  if (!(timeoutMs > 0)) throw new OptionError('timeoutMs', timeoutMs, 'milliseconds above 0')
  const { status, headers, body } = response
  if (status !== 200 || !isEventStream(headers.get('content-type')) || body === null)
    throw new EventStreamError(
      'not-an-event-stream',
      `readEvents: expected status 200, content-type text/event-stream and a body, got ${describeHead(response)}.`,
    )

  const reader: ReadableStreamDefaultReader<Uint8Array> = body.getReader()
  // The decoder strips the byte order mark.
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
  const decoded: ReceivedEvent[] = []
  const events: ReceivedEvent[] = []
  const comments: string[] = []
  let reconnectionTimeMs: number | undefined
  let isOver = false
  let failure: EventStreamError | undefined
  /** A read that a deadline has left behind: its chunk is the next call's. */
  let pendingRead: Promise<void> | undefined
  const decoder = createEventDecoder({
    onEvent: (event) => void decoded.push(event),
    onComment: (text) => void comments.push(text),
    onRetry: (timeMs) => {
      reconnectionTimeMs = timeMs
    },
  })

  async function readChunk(): Promise<void> {
    try {
      const chunk = await reader.read()
      if (chunk.done) isOver = true
      else decoder.decode(utf8.decode(chunk.value, { stream: true }))
    } catch (cause) {
      isOver = true
      failure = new EventStreamError('broken', `The body failed after ${describeEvents(events)}.`, { cause })
    } finally {
      pendingRead = undefined
    }
  }

  async function untilDecoded(): Promise<void> {
    while (decoded.length === 0 && !isOver) await (pendingRead ??= readChunk())
  }

  async function next(): Promise<IteratorResult<ReceivedEvent, undefined>> {
    await within(untilDecoded(), {
      what: 'an event',
      timeoutMs,
      runtime: systemRuntime,
      seen: () => `${describeEvents(events)} so far`,
    })
    const event = decoded.shift()
    if (event !== undefined) {
      events.push(event)
      return { done: false, value: event }
    }
    if (failure !== undefined) throw failure
    return { done: true, value: undefined }
  }

  async function close(): Promise<void> {
    if (isOver) return
    isOver = true
    await reader.cancel()
  }

  const eventReader: EventReader = {
    events,
    comments,
    get lastEventId() {
      return decoder.lastEventId
    },
    get reconnectionTimeMs() {
      return reconnectionTimeMs
    },
    next,
    async take(count) {
      const taken: ReceivedEvent[] = []
      while (taken.length < count) {
        const { done, value } = await next()
        if (done === true)
          throw new EventStreamError(
            'ended',
            `take(${count}): the stream ended after ${describeEvents(taken)}.`,
          )
        taken.push(value)
      }
      return taken
    },
    async rest() {
      const rest: ReceivedEvent[] = []
      for await (const event of eventReader) rest.push(event)
      return rest
    },
    async return() {
      await close()
      return { done: true, value: undefined }
    },
    close,
    [Symbol.asyncIterator]: () => eventReader,
    [Symbol.asyncDispose]: close,
  }
  return eventReader
}

/** For an error's text. */
export function describeHead({ status, headers, body }: Response): string {
  const type = headers.get('content-type') ?? 'no content-type'
  return `status ${status}, ${type}${body === null ? ' and no body' : ''}`
}

function describeEvents(events: readonly ReceivedEvent[]): string {
  const newest = events.slice(-3).map(({ type, data }) => `${type} ${JSON.stringify(data.slice(0, 40))}`)
  if (newest.length === 0) return 'no event'
  const count = `${events.length} event${events.length === 1 ? '' : 's'}`
  return `${count}, ${events.length > newest.length ? 'the last of them ' : ''}${newest.join(', ')}`
}
