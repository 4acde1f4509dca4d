import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { maxInspectedBytes } from '../../inspect/observation.ts'
import type { InspectEvents, InspectOrder } from '../../inspect/observation.ts'
import type { Runtime } from '@sse-toolkit/sse-server'
import { InspectionError } from './errors/inspection-error.ts'
import { exchange } from './exchange.ts'
import type { Reach } from './exchange.ts'

export type InspectEvent = {
  [Type in keyof InspectEvents]: { event: Type; data: InspectEvents[Type] }
}[keyof InspectEvents]

/**
 * Looks at a stream for as long as was ordered, and tells what it sees as it sees it: a `head`, `chunk`s, an `end`.
 *
 * It never throws: what fails is the `end`. When the iteration is left, so is the connection.
 */
export async function* inspect(options: {
  order: InspectOrder
  reach: Reach
  runtime: Pick<Runtime, 'now' | 'setTimeout' | 'clearTimeout'>
  /** Of the page that watches. */
  signal: AbortSignal
}): AsyncGenerator<InspectEvent, void> {
  const { order, reach, runtime } = options
  const startedAt = runtime.now()
  const atMs = (): number => runtime.now() - startedAt
  const stop = new AbortController()
  let isTimeOver = false
  let message: IncomingMessage | undefined
  const timer = runtime.setTimeout(() => {
    isTimeOver = true
    stop.abort()
  }, order.seconds * 1_000)
  const signal = AbortSignal.any([stop.signal, options.signal])

  function* end(reason: InspectEvents['end']['reason'], problem?: string): Generator<InspectEvent> {
    yield { event: 'end', data: { atMs: atMs(), reason, message: problem } }
  }

  try {
    const answer = await exchange(order, reach, signal)
    message = answer.message
    const { url, redirects, certificateProblem } = answer
    yield {
      event: 'head',
      data: {
        atMs: atMs(),
        status: message.statusCode ?? 0,
        statusText: message.statusMessage ?? '',
        fields: pairsOf(message.rawHeaders),
        url,
        redirects,
        certificateProblem,
      },
    }
    let byteCount = 0
    for await (const chunk of decoded(message)) {
      // A small answer may decode to a large one: only what is shown counts.
      const bytes = chunk.subarray(0, maxInspectedBytes - byteCount)
      byteCount += bytes.length
      yield { event: 'chunk', data: { atMs: atMs(), base64: bytes.toString('base64') } }
      if (byteCount < maxInspectedBytes) continue
      yield* end('byte-limit')
      return
    }
    yield* end('ended')
  } catch (error) {
    if (isTimeOver) yield* end('time-limit')
    else if (error instanceof InspectionError && error.code === 'not-allowed')
      yield* end('not-allowed', error.message)
    else yield* end(message === undefined ? 'failed' : 'cut', messageOf(error))
  } finally {
    runtime.clearTimeout(timer)
    stop.abort()
    message?.destroy()
  }
}

function messageOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string }
  // Of a host with two addresses Node gives a message that is empty.
  return message === undefined || message === '' ? String(code ?? error) : message
}

function pairsOf(raw: readonly string[]): [name: string, value: string][] {
  return Array.from({ length: raw.length / 2 }, (_, index) => [
    raw[index * 2] ?? '',
    raw[index * 2 + 1] ?? '',
  ])
}

/** What was coded is decoded as far as it has come. A coding that was not asked for is left as it is. */
function decoded(message: IncomingMessage): AsyncIterable<Buffer> {
  const decoder = decoderFor(message.headers['content-encoding'])
  if (decoder === undefined) return message
  // Not `pipeline`: an error of either must reach the reader of the other.
  message.on('error', (error) => decoder.destroy(error))
  return message.pipe(decoder)
}

function decoderFor(coding: string | undefined): (Readable & NodeJS.WritableStream) | undefined {
  const flush = { flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH }
  if (coding === 'gzip' || coding === 'x-gzip') return createGunzip(flush)
  if (coding === 'deflate') return createInflate(flush)
  if (coding === 'br') return createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH })
  return undefined
}
