import type { LogEntry, LogPage, TopicPattern } from '@sse-toolkit/sse-server'
import type { Commands } from './commands.ts'
import { createScript } from './script.ts'
import { readScript } from './scripts/read.ts'
import { decodeEntry } from './wire.ts'

// How much one call reads, in bytes: Redis does nothing else meanwhile.
const budgetBytes = 1_048_576

const script = createScript(readScript)

/** A page, and which log it is of. */
export interface ReadPage extends LogPage {
  readonly epoch: string
  /** Of the log's head. */
  readonly seq: number
  /** From which the epoch began. */
  readonly base: number
}

/** Reads a page. A pattern that few events match is looked for in several calls. */
export async function readPage(
  commands: Commands,
  topics: readonly Pick<TopicPattern, 'text'>[],
  after: number,
  limit: number,
): Promise<ReadPage> {
  const names = topics.map(({ text }) => text)
  const entries: LogEntry[] = []
  let evictedUpTo = 0
  let from = after
  let length = 0
  for (;;) {
    const { epoch, seq, base, values } = await commands.run({
      script,
      operation: `read ${names.join(', ')}`,
      changes: 'nothing',
      args: () => [String(from), String(limit - entries.length), String(budgetBytes), ...names],
    })
    const [gone = '0', hasMore = '', looked = '0'] = values
    // What was read so far is of a log that is no more. Whoever reads sees it by the epoch, and begins anew.
    if (entries[0] !== undefined && entries[0].position.epoch !== epoch) entries.length = 0
    for (let index = 3; index < values.length; index += 3) {
      const [at = '', topic = '', line = ''] = values.slice(index, index + 3)
      entries.push(decodeEntry(epoch, Number(at), topic, line))
      length += line.length
    }
    evictedUpTo = Math.max(evictedUpTo, Number(gone))
    const more = hasMore !== ''
    if (!more || entries.length >= limit || length >= budgetBytes) {
      return { epoch, seq, base, entries, more, evictedUpTo }
    }
    from = Number(looked)
  }
}
