import { createEventSource } from '@sse-toolkit/event-source-client'
import { findingsOf } from '@sse-toolkit/cli/inspect'
import type { Finding } from '@sse-toolkit/cli/inspect'
import type { InspectEvents, InspectOrder, ObservedEnd, ObservedHead } from '@sse-toolkit/cli/inspect'
import { createStreamReader } from '@sse-toolkit/cli/inspect'
import type { StreamReading } from '@sse-toolkit/cli/inspect'
import { createExplainingFetch } from '../refusal.ts'
import { createRawBytes } from './raw-bytes.ts'
import type { RawBytes } from './raw-bytes.ts'

/** One look at a stream, as it goes on. */
export interface Inspection {
  readonly head: ObservedHead | undefined
  readonly end: ObservedEnd | undefined
  readonly reading: StreamReading
  readonly raw: RawBytes
  readonly watchedMs: number
  readonly findings: readonly Finding[]
  stop(): void
}

/**
 * Has the server look, since a page may not (CORS).
 *
 * @param onEnd - Called once: it came to its end, was stopped, or could not begin.
 */
export function startInspection(
  order: InspectOrder,
  options: { now: () => number; onEnd: (problem: string | undefined) => void },
): Inspection {
  const { now, onEnd } = options
  const startedAt = now()
  const reader = createStreamReader()
  const raw = createRawBytes()
  let head: ObservedHead | undefined
  let end: ObservedEnd | undefined
  let stoppedAtMs: number | undefined
  let hasEnded = false
  const explaining = createExplainingFetch()
  const stream = createEventSource('/inspect', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(order),
    data: 'json',
    reconnection: { maxAttempts: 0 },
    fetch: explaining.fetch,
  })

  stream.on('head', ({ data }) => {
    head = data as InspectEvents['head']
  })
  stream.on('chunk', ({ data }) => {
    const { atMs, base64 } = data as InspectEvents['chunk']
    const bytes = bytesOf(base64)
    reader.read(atMs, bytes)
    raw.add(atMs, bytes)
  })
  stream.on('end', ({ data }) => {
    end = data as InspectEvents['end']
    finish(undefined)
  })
  stream.onStatus((status) => {
    if (status.state === 'closed') finish(explaining.refusal ?? status.cause?.message)
  })

  function finish(problem: string | undefined): void {
    if (hasEnded) return
    hasEnded = true
    stoppedAtMs = now() - startedAt
    stream.close()
    onEnd(problem)
  }

  const watchedMs = (): number => end?.atMs ?? stoppedAtMs ?? now() - startedAt
  return {
    get head() {
      return head
    },
    get end() {
      return end
    },
    get watchedMs() {
      return watchedMs()
    },
    reading: reader.reading,
    raw,
    get findings() {
      return findingsOf({ head, reading: reader.reading, end, watchedMs: watchedMs() })
    },
    stop: () => finish(undefined),
  }
}

function bytesOf(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}
