import { memoryLog, parseTopicPattern, systemRuntime } from '@sse-toolkit/sse-server'
import type { EventLog } from '@sse-toolkit/sse-server'
import { describe, expect, it } from 'vitest'
import { useLogFiles } from './log-files.ts'

const files = useLogFiles()

const topics = ['a', 'b', 'c.1', 'c.2', 'c.3', 'd']
const asked = [['a'], ['b', 'c.1'], ['c.*'], ['>'], ['a', 'c.*'], ['d', 'c.2', 'b']]
const stepsPerSeed = 150
// Each of them found a difference once.
const seeds = [2, 3, 7, 10, 18, 32, 46, 57, 89, 92, 114, 116]

/** Mulberry32: the same numbers for the same seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
}

/** What became of it: a state, a `seq`, or the code of an error. */
async function outcomeOf(act: Promise<unknown>): Promise<unknown> {
  try {
    const result = await act
    return typeof result === 'object' && result !== null && 'seq' in result ? result.seq : result
  } catch (error) {
    return (error as { code?: unknown }).code
  }
}

async function pageOf(
  log: EventLog,
  patterns: readonly string[],
  after: number,
  limit: number,
): Promise<unknown> {
  const entries: unknown[] = []
  let evictedUpTo: number | undefined
  // A page may be shorter than it could be, as long as it says that there is more.
  for (let more = true, last = after; more && entries.length < limit;) {
    const page = await log.read(
      patterns.map((text) => parseTopicPattern(text)),
      last,
      limit - entries.length,
    )
    for (const { topic, data, position } of page.entries) entries.push([topic, data, position.seq])
    evictedUpTo ??= page.evictedUpTo
    more = page.more
    last = page.entries.at(-1)?.position.seq ?? last
  }
  return { entries, evictedUpTo }
}

describe('a log in a file behaves like a log in memory', () => {
  it.each(seeds)('for any sequence of calls (seed %i)', async (seed) => {
    const random = randomOf(seed)
    const limits = {
      maxEvents: 5 + random(40),
      maxDataLength: 200 + random(2000),
      maxHeldBytesPerTopic: 2000,
      maxHeldBytes: 4000,
      maxAgeMs: 0,
    }
    const path = files.newPath()
    // Without a window in memory, half of them, so that the file is read.
    const options = { ...limits, path, maxCachedBytes: seed % 2 === 0 ? 0 : 5000, runtime: systemRuntime }
    let log = files.open(options)
    const memory = memoryLog(limits)
    for (let step = 0; step < stepsPerSeed; step += 1) {
      const topic = topics[random(topics.length)] ?? 'a'
      const data = 'x'.repeat(random(60))
      const kind = random(100)
      const act = async (each: EventLog): Promise<unknown> => {
        const count = 1 + (step % 30)
        if (kind < 60) return each.append({ topic, data })
        if (kind < 75) {
          const events = Array.from({ length: count }, () => ({ topic, data }))
          return (await each.appendBatch(events)).position
        }
        if (kind < 80) return each.claim(topic)
        if (kind < 82) return each.end({ topic, data: 'end' }, 60_000)
        if (kind < 84) return each.cancel(topic)
        return each.status(topic)
      }
      const [ours, theirs] = [await outcomeOf(act(log)), await outcomeOf(act(memory))]
      expect(ours, `step ${step}, ${kind} of ${topic}`).toEqual(theirs)
      if (random(40) === 0) {
        await log.close()
        log = files.open(options)
      }
      const { seq } = await memory.head()
      const patterns = asked[random(asked.length)] ?? []
      const [after, limit] = [random(seq + 2), 1 + random(50)]
      expect(
        await pageOf(log, patterns, after, limit),
        `step ${step}, reading ${patterns.join(' ')}`,
      ).toEqual(await pageOf(memory, patterns, after, limit))
    }
    await memory.close()
  })
})
