import type { LogEntry, Runtime } from '@sse-toolkit/sse-server'
import type { EventCache } from '../cache/event-cache.ts'
import type { Command, LogState, Reply } from '../commands/commands.ts'
import { createScript } from '../commands/script.ts'
import { lookScript } from '../scripts/look.ts'
import { decodeEntry } from '../wire.ts'
import { RequestBatch } from './request-batch.ts'
import type { TopicSet } from './topic-set.ts'

const script = createScript(lookScript)

// How many topics and patterns one call looks up.
const maxTopics = 1000

export interface LookRequest {
  readonly set: TopicSet
  readonly after: number
}

/** What a reader has to know of the log besides its events. */
export interface Look extends LogState {
  /** The newest event that is too large to be read together with others. */
  readonly large: number
  /** Up to where events of its topics are gone. */
  readonly goneUpTo: number
  /** Those of its topics, if it names them, whose time is over. */
  readonly expired: ReadonlySet<string>
  /** Those of its topics of which it is only by name that a reader gets some events, as they have left the stream. */
  readonly holders: readonly string[]
  /** The last events of its topics, where they are of an earlier epoch. */
  readonly endings: readonly LogEntry[]
}

export interface LooksOptions {
  readonly run: (command: Command) => Promise<Reply>
  readonly cache: EventCache
  readonly timeoutMs: number
  readonly runtime: Runtime
}

/** Looks at the log for all readers that are about to read, in one call after the other. */
export function createLooks({
  run,
  cache,
  timeoutMs,
  runtime,
}: LooksOptions): RequestBatch<LookRequest, Look> {
  return new RequestBatch({
    timeoutMs,
    runtime,
    send: async (requests, timeLeftMs) => {
      const deadline = runtime.now() + timeLeftMs
      const sets = new Map<TopicSet, number>()
      for (const { set, after } of requests) sets.set(set, Math.min(after, sets.get(set) ?? after))
      const looks = new Map<TopicSet, Look>()
      for (const page of pagesOf([...sets])) {
        const reply = await run({
          script,
          operation:
            page.length === 1 ? `read ${page[0]?.[0].texts.join(', ')}` : `read for ${page.length} readers`,
          changes: 'nothing',
          lane: 'reads',
          timeoutMs: deadline - runtime.now(),
          args: () => [
            String(cache.expiriesKnown),
            ...page.flatMap(([{ texts }, after]) => [String(texts.length), String(after), ...texts]),
          ],
        })
        const values = reply.values.values()
        const large = take(values)
        const areTooMany = take(values) !== ''
        const expired = takeSome(values)
        cache.expire(reply, areTooMany ? undefined : expired)
        for (const [set] of page) looks.set(set, takeLook(values, reply, Number(large)))
      }
      return requests.map(({ set }) => looks.get(set) as Look)
    },
  })
}

/** Sets with so many topics together that one call looks them up. */
function pagesOf(sets: readonly (readonly [TopicSet, number])[]): (readonly [TopicSet, number])[][] {
  const pages: (readonly [TopicSet, number])[][] = []
  let count = Number.POSITIVE_INFINITY
  for (const each of sets) {
    const [{ texts }] = each
    count += texts.length
    if (count > maxTopics) {
      pages.push([])
      count = texts.length
    }
    pages.at(-1)?.push(each)
  }
  return pages
}

function takeLook(values: Iterator<string>, { values: _values, ...state }: Reply, large: number): Look {
  const goneUpTo = Number(take(values))
  const expired = new Set(takeSome(values))
  const holders = takeSome(values)
  const endings = Array.from({ length: Number(take(values)) }, () => {
    const [at, topic, line] = [take(values), take(values), take(values)]
    return decodeEntry(state.epoch, Number(at), topic, line)
  })
  endings.sort((one, other) => one.position.seq - other.position.seq)
  return { ...state, large, goneUpTo, expired, holders, endings }
}

/** As many as the next value says. */
function takeSome(values: Iterator<string>): readonly string[] {
  return Array.from({ length: Number(take(values)) }, () => take(values))
}

function take(values: Iterator<string>): string {
  const { value, done } = values.next()
  if (done === true) throw new RangeError('The reply of Redis is too short')
  return value
}
