import type { LogEntry, LogPage, TopicPattern } from '@sse-toolkit/sse-server'
import type { Commands } from '../commands/commands.ts'
import { createScript } from '../commands/script.ts'
import { readScript } from '../scripts/read.ts'
import { decodeEntry } from '../wire.ts'

// How many bytes one call reads: Redis runs nothing else meanwhile.
const budgetBytes = 1_048_576

const script = createScript(readScript)

/** A page, with the state of the log at that time. */
export interface ReadPage extends LogPage {
  readonly epoch: string
  /** The `seq` of the log's head. */
  readonly seq: number
  /** The `seq` after which the epoch began. */
  readonly base: number
}

/** Reads a page. A pattern that few events match takes several calls. */
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
      lane: 'reads',
      args: () => [String(from), String(limit - entries.length), String(budgetBytes), ...names],
    })
    const [gone = '0', hasMore = '', looked = '0'] = values
    // What was read so far belongs to an epoch that is over. The reader sees the new epoch and starts again.
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
