import { ResumableStreamError } from '../errors/resumable-stream-error.ts'
import type { Hub } from '../hub/hub.ts'
import type { HubReading } from '../hub/hub-options.ts'

interface ReadTextOptions {
  readonly topic: string
  readonly streamId: string
  /** UTF-16 code units from the beginning that are left out. What is not a positive number leaves out nothing. */
  readonly skipCharacters: number | undefined
  /** The position before the topic's first event: a log that has lost its memory since is noticed by it. */
  readonly after: string
}

/**
 * Reads a finite topic as the text that its events make. Only a topic that was completed, or stopped, ends the stream; all
 * else is its error.
 *
 * Reads the hub only as fast as the stream is read: a stream without a reader holds nothing.
 */
export function readText(
  hub: Pick<Hub, 'read'>,
  { topic, streamId, skipCharacters = 0, after }: ReadTextOptions,
): ReadableStream<string> {
  const aborter = new AbortController()
  let readings: AsyncGenerator<HubReading, undefined> | undefined
  let skip = skipCharacters > 0 ? Math.floor(skipCharacters) : 0

  /** The next piece of text; undefined at the end. */
  async function next(): Promise<string | undefined> {
    readings ??= hub.read([topic], { after, signal: aborter.signal })
    for (;;) {
      const { done, value: reading } = await readings.next()
      if (done === true) throw incomplete('was not read to its end: its hub was closed, or its time is over')
      switch (reading.type) {
        case 'event': {
          const text = reading.data.slice(skip)
          skip = Math.max(0, skip - reading.data.length)
          if (text !== '') return text
          break
        }
        case 'gap':
          throw incomplete(`lacks events that the log no longer holds (${reading.reason})`)
        case 'failure':
          throw new ResumableStreamError('failed', streamId, `failed: ${reading.message}`)
        case 'end':
          if (reading.reason === 'completed' || reading.reason === 'cancelled') return undefined
          if (reading.reason === 'expired')
            throw incomplete('was not read to its end before its time was over')
          throw new ResumableStreamError(reading.reason, streamId, `was ${reading.reason}`)
      }
    }
  }

  function incomplete(fact: string, options?: ErrorOptions): ResumableStreamError {
    return new ResumableStreamError('incomplete', streamId, fact, options)
  }

  async function leave(): Promise<void> {
    // Before `return`, which waits for a pending `next`.
    aborter.abort()
    await readings?.return(undefined)
  }

  return new ReadableStream<string>(
    {
      async pull(controller) {
        try {
          const text = await next()
          if (text !== undefined) {
            controller.enqueue(text)
            return
          }
          controller.close()
        } catch (error) {
          if (aborter.signal.aborted) return
          controller.error(
            error instanceof ResumableStreamError ? error : incomplete('cannot be read', { cause: error }),
          )
        }
        await leave()
      },
      cancel: leave,
    },
    { highWaterMark: 0 },
  )
}
