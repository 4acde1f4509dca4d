import type { LogEntry } from '@sse-toolkit/sse-server'
import type { Commands } from '../commands/commands.ts'
import { createScript } from '../commands/script.ts'
import { readScript } from '../scripts/read.ts'
import { decodeEntry } from '../wire.ts'
import { budgetBytes, toTheEnd } from './read-limits.ts'

const script = createScript(readScript)

/** A page of all events, with the state of the log at that time. */
export interface ReadPage {
  readonly epoch: string
  /** The `seq` of the log's head. */
  readonly seq: number
  /** The `seq` after which the epoch began. */
  readonly base: number
  readonly controlled: number
  readonly entries: readonly LogEntry[]
  readonly more: boolean
}

/** Reads a page of all events that patterns reach. Large ones take several calls. */
export async function readPage(commands: Commands, after: number, limit: number): Promise<ReadPage> {
  const entries: LogEntry[] = []
  let from = after
  let length = 0
  for (;;) {
    const { epoch, seq, base, controlled, values } = await commands.run({
      script,
      operation: 'read >',
      changes: 'nothing',
      lane: 'reads',
      args: () => [String(from), toTheEnd, String(limit - entries.length), String(budgetBytes), '>'],
    })
    const [hasMore = '', looked = '0', ...found] = values
    // What was read so far belongs to an epoch that is over. The follower sees the new epoch and starts again.
    if (entries[0] !== undefined && entries[0].position.epoch !== epoch) entries.length = 0
    for (let index = 0; index < found.length; index += 3) {
      const [at = '', topic = '', line = ''] = found.slice(index, index + 3)
      entries.push(decodeEntry(epoch, Number(at), topic, line))
      length += line.length
    }
    const more = hasMore !== ''
    if (!more || entries.length >= limit || length >= budgetBytes) {
      return { epoch, seq, base, controlled, entries, more }
    }
    from = Number(looked)
  }
}
