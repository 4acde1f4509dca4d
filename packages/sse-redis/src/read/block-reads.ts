import type { LogEntry, Runtime } from '@sse-toolkit/sse-server'
import { blockSize, createBlock } from '../cache/block.ts'
import type { Block } from '../cache/block.ts'
import type { EventCache } from '../cache/event-cache.ts'
import type { Commands } from '../commands/commands.ts'
import { createScript } from '../commands/script.ts'
import type { StreamEntry } from '../connection/redis-client.ts'
import { readScript } from '../scripts/read.ts'
import { decodeEntry } from '../wire.ts'
import type { Look } from './looks.ts'
import { ReadGate } from './read-gate.ts'
import { budgetBytes, toTheEnd } from './read-limits.ts'
import type { TopicSet } from './topic-set.ts'

const script = createScript(readScript)

// How many reads of a process Redis has before it at once.
const maxReads = 4

// From which share of events on it is cheaper to read all of a range than to find those of some topics in it.
const denseShare = 1 / 16

export interface BlockReadsOptions {
  readonly commands: Commands
  readonly cache: EventCache
  readonly runtime: Runtime
  readonly commandTimeoutMs: number
}

/**
 * Reads blocks from Redis into the cache.
 *
 *     all events of an aligned range, without a script:   .. 257 258 259 .. 512         where nothing is missing from it
 *     those of a set of topics, by a script:              .. 261     270 .. 7013 ..      through the index, or going over all
 *     what only the names of topics reach, by the same:   1 2      9     17 ..           up to where the stream begins
 */
export class BlockReads {
  readonly #options: BlockReadsOptions
  readonly #gate: ReadGate
  // The ranges from which something is missing.
  readonly #broken = new Set<string>()

  constructor(options: BlockReadsOptions) {
    this.#options = options
    this.#gate = new ReadGate({ ...options, maxReads })
  }

  get underWay(): number {
    return this.#gate.underWay
  }

  get waiting(): number {
    return this.#gate.waiting
  }

  /** @returns the block with the place after the position; undefined if the log goes on in another epoch. */
  async read(set: TopicSet, position: number, look: Look, deadline: number): Promise<Block | undefined> {
    const aligned = position - (position % blockSize)
    const start = Math.max(aligned, look.trimmed)
    if (this.#options.commands.canReadRange && set.prefers === 'range' && look.large <= start) {
      const block = await this.#readRange(start, Math.min(aligned + blockSize, look.seq), look, deadline)
      if (block !== undefined && block.to > position) {
        if (set.isNamed && shareOf(block, set) < denseShare) set.prefers = 'index'
        return block
      }
    }
    const block = await this.#readSet(set, start, position, look.epoch, deadline)
    // Large events may fill the block before the position.
    if (block === undefined || block.to > position || start === position) return block
    return this.#readSet(set, position, position, look.epoch, deadline)
  }

  /**
   * What running and ended topics hold, and only their names reach.
   *
   * @param look - It ends with `trimmed`: beyond, the stream has all.
   * @returns the block with the place after the position; undefined if the log goes on in another epoch.
   */
  async readHeld(set: TopicSet, position: number, look: Look, deadline: number): Promise<Block | undefined> {
    const start = position - (position % blockSize)
    const block = await this.#readHeld(set, start, look, deadline)
    // Large events may fill the block before the position.
    if (block === undefined || block.to > position || start === position) return block
    return this.#readHeld(set, position, look, deadline)
  }

  #readHeld(
    set: TopicSet,
    start: number,
    { epoch, trimmed }: Look,
    deadline: number,
  ): Promise<Block | undefined> {
    const { commands, cache } = this.#options
    const operation = `read what ${set.texts.join(', ')} hold`
    return this.#gate.read(
      `held ${epoch} ${start} ${trimmed} ${set.key}`,
      {
        operation,
        send: async (timeoutMs, settled) => {
          const reply = await commands.run({
            script,
            operation,
            changes: 'nothing',
            lane: 'reads',
            timeoutMs,
            settled,
            args: () => [
              String(start),
              String(trimmed),
              String(blockSize),
              String(budgetBytes),
              ...set.texts,
            ],
          })
          if (reply.epoch !== epoch) return undefined
          const [more, looked = '0', ...found] = reply.values
          const to = more === '' ? trimmed : Number(looked)
          const block = createBlock({ after: start, to, isOpen: false }, foundEntriesOf(found, epoch), reply)
          cache.addHeld(epoch, block, set)
          return block
        },
      },
      deadline,
    )
  }

  /** @returns undefined if something is missing from the range. */
  async #readRange(
    start: number,
    end: number,
    { epoch }: Look,
    deadline: number,
  ): Promise<Block | undefined> {
    const key = `${epoch} ${start} ${end}`
    if (this.#broken.has(key)) return undefined
    const { commands, cache } = this.#options
    const operation = `read events ${start + 1} to ${end}`
    return this.#gate.read(
      key,
      {
        operation,
        send: async (timeoutMs, settled) => {
          const range = { operation, first: start + 1, last: end, timeoutMs, settled }
          const entries = entriesOf(await commands.readRange(range), epoch, start)
          if (entries?.length !== end - start) {
            if (this.#broken.size >= 1000) this.#broken.clear()
            this.#broken.add(key)
            return undefined
          }
          const block = createBlock({ after: start, to: end, isOpen: end % blockSize !== 0 }, entries)
          cache.add(epoch, block)
          return block
        },
      },
      deadline,
    )
  }

  /** @returns undefined if the log goes on in another epoch. */
  async #readSet(
    set: TopicSet,
    start: number,
    position: number,
    epoch: string,
    deadline: number,
  ): Promise<Block | undefined> {
    const { commands, cache } = this.#options
    const operation = `read ${set.texts.join(', ')}`
    return this.#gate.read(
      `${epoch} ${start} ${set.key}`,
      {
        operation,
        send: async (timeoutMs, settled) => {
          const reply = await commands.run({
            script,
            operation,
            changes: 'nothing',
            lane: 'reads',
            timeoutMs,
            settled,
            args: () => [String(start), toTheEnd, String(blockSize), String(budgetBytes), ...set.texts],
          })
          if (reply.epoch !== epoch) return undefined
          const [more, looked = '0', ...found] = reply.values
          const entries = foundEntriesOf(found, epoch)
          const isOpen = more === ''
          const searched = isOpen ? reply.seq : Number(looked)
          const aligned = alignedEnd(start, searched)
          const to = isOpen || aligned <= position ? searched : aligned
          const block = createBlock(
            { after: start, to, isOpen },
            entries.filter((entry) => entry.position.seq <= to),
            reply,
          )
          cache.add(epoch, block, set)
          if (set.isNamed && !isOpen) set.prefers = shareOf(block, set) < denseShare ? 'index' : 'range'
          return block
        },
      },
      deadline,
    )
  }
}

/** As the script gives them. */
function foundEntriesOf(found: readonly string[], epoch: string): LogEntry[] {
  const entries: LogEntry[] = []
  for (let index = 0; index < found.length; index += 3) {
    const [at = '', topic = '', line = ''] = found.slice(index, index + 3)
    entries.push(decodeEntry(epoch, Number(at), topic, line))
  }
  return entries
}

/** Which part of the events in the block's range belongs to the set. */
function shareOf(block: Block, set: TopicSet): number {
  return block.entries.filter(({ topic }) => set.matches(topic)).length / (block.to - block.after)
}

/**
 * The place in (start, end] that is a multiple of the greatest power of two. Readers that begin at different positions come to
 * the same blocks that way. `end` if no block boundary lies in the range.
 */
function alignedEnd(start: number, end: number): number {
  for (let size = 2 ** 52; size >= blockSize; size /= 2) {
    const place = end - (end % size)
    if (place > start) return place
  }
  return end
}

/** @returns undefined unless each event of the epoch after `start` is there, up to the last. */
function entriesOf(found: readonly StreamEntry[], epoch: string, start: number): LogEntry[] | undefined {
  const entries: LogEntry[] = []
  for (const { id, message } of found) {
    const text = message[epoch]
    const seq = start + entries.length + 1
    if (typeof text !== 'string' || id !== `${seq}-0`) return undefined
    const bytes = text.indexOf(' ') + 1
    const topic = text.indexOf(' ', bytes) + 1
    const line = text.indexOf(' ', topic) + 1
    entries.push(decodeEntry(epoch, seq, text.slice(topic, line - 1), text.slice(line)))
  }
  return entries
}
