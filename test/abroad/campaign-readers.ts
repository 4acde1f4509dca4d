import { setTimeout as delay } from 'node:timers/promises'
import { createEventSource } from '@sse-toolkit/event-source-client'
import type { EventSourceClient } from '@sse-toolkit/event-source-client'
import { createLedger } from '@sse-toolkit/testing'
import type { Ledger } from '@sse-toolkit/testing'

/** A reader with the real client, that notes what it gets. It comes again when it is cut. */
export interface Reader extends AsyncDisposable {
  readonly events: readonly { readonly type: string; readonly data: string }[]
  readonly gaps: readonly string[]
  /** Violations of what one connection promises: ids that do not rise. */
  readonly violations: readonly string[]
  /** Once it has a position: what is lost from here on has to be announced to it. */
  readonly opened: Promise<void>
}

/** @param answer - Where its requests go. */
export function openReader(answer: (request: Request) => Promise<Response>): Reader {
  const violations: string[] = []
  const source = createEventSource('http://hub/events', {
    reconnection: { baseDelayMs: 20, minDelayMs: 10, maxDelayMs: 200 },
    fetch: async (url, init) => {
      const response = await answer(new Request(url, init))
      return new Response(response.body?.pipeThrough(watchIds(violations)) ?? null, response)
    },
  })
  const events: { type: string; data: string }[] = []
  const gaps: string[] = []
  source.onAny(({ type, data }) => {
    events.push({ type, data })
    if (type === 'stream.gap') gaps.push((JSON.parse(data) as { reason: string }).reason)
  })
  return {
    events,
    gaps,
    violations,
    opened: untilPosition(source),
    [Symbol.asyncDispose]: async () => source.close(),
  }
}

/** An open stream alone is not enough: a server that dies before the first id leaves its reader without a position. */
async function untilPosition(source: EventSourceClient): Promise<void> {
  while (source.lastEventId === '') await delay(5)
}

/** On one connection ids only rise, within one epoch. The client would drop what does not, and hide it. */
function watchIds(violations: string[]): TransformStream<Uint8Array, Uint8Array> {
  const decoder = new TextDecoder()
  let rest = ''
  let last: { epoch: string; seq: number } | null = null
  return new TransformStream({
    transform(bytes, controller) {
      controller.enqueue(bytes)
      const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        const [, epoch = '', seq = ''] = /^id: (\w+)-(\d+)$/.exec(line) ?? []
        if (epoch === '') continue
        // The first is where the stream goes on after.
        if (last?.epoch === epoch && Number(seq) < last.seq) violations.push(`${seq} after ${last.seq}`)
        last = { epoch, seq: Number(seq) }
      }
    },
  })
}

/**
 * Holds what readers got against what publishers were told.
 *
 * What was stored comes once, in order, or a gap lies in its place; what was refused never comes; what is not known may.
 */
export function expectNothingSilent(
  readers: readonly Reader[],
  publishers: Readonly<Record<string, ReadonlyMap<number, string>>>,
): void {
  for (const [name, outcomes] of Object.entries(publishers)) {
    const ledger = createLedger()
    const unknown = new Set<number>()
    for (const [n, outcome] of outcomes) {
      if (outcome === 'stored') ledger.published(name, n)
      else if (outcome === 'outcome-unknown') unknown.add(n)
    }
    for (const [index, reader] of readers.entries()) note(ledger, `reader ${index}`, name, reader, unknown)
    ledger.expectComplete({ topic: name, announcedGaps: 'allowed' })
  }
  const violations = readers.flatMap((reader) => reader.violations)
  if (violations.length > 0) throw new Error(`ids that did not rise: ${violations.join(', ')}`)
}

function note(
  ledger: Ledger,
  reader: string,
  name: string,
  { events }: Reader,
  unknown: ReadonlySet<number>,
): void {
  let last = 0
  let isAfterGap = false
  for (const { type, data } of events) {
    if (type === 'stream.gap') isAfterGap = true
    if (type !== name) continue
    const n = Number(data)
    if (isAfterGap) ledger.announcedGap(reader, name, { after: last, before: n })
    isAfterGap = false
    last = n
    if (unknown.has(n)) ledger.published(name, n)
    ledger.received(reader, name, n)
  }
  if (isAfterGap) ledger.announcedGap(reader, name, { after: last, before: Number.MAX_SAFE_INTEGER })
}
