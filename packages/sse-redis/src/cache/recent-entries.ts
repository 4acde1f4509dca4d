import type { LogEntry } from '@sse-toolkit/sse-server'
import { blockSize, bytesOf, createBlock, findBlock } from './block.ts'
import type { Block } from './block.ts'

/**
 * The newest events that the follower has received, bounded in bytes. Readers that come back after a short while find
 * theirs here.
 *
 *     | 131 .. 256 | 257 .. 512 | 513 .. 600 ..     aligned blocks without a gap; the last is open
 */
export class RecentEntries {
  readonly #maxBytes: number
  #blocks: Block[] = []
  #epoch = ''
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Adds the next event. If events before it were missed, those that are held are dropped: they do not lead up to it. */
  add(entry: LogEntry): void {
    const { epoch, seq } = entry.position
    const last = this.#blocks.at(-1)
    if (epoch !== this.#epoch || last?.to !== seq - 1) this.clear()
    this.#epoch = epoch
    const block =
      last !== undefined && last.isOpen && last === this.#blocks.at(-1) ? last : this.#begin(seq - 1)
    const bytes = bytesOf(entry)
    block.entries.push(entry)
    block.to = seq
    block.bytes += bytes
    this.#bytes += bytes
    // Of large events a block has fewer, or the oldest could only be dropped with most of the others.
    if (seq % blockSize === 0 || block.bytes > this.#maxBytes / 8) block.isOpen = false
    while (this.#bytes > this.#maxBytes) this.#dropOldest()
  }

  find(epoch: string, position: number): Block | undefined {
    return epoch === this.#epoch ? findBlock(this.#blocks, position) : undefined
  }

  /** Events up to this one were evicted. */
  dropUpTo(seq: number): void {
    while ((this.#blocks[0]?.to ?? Number.POSITIVE_INFINITY) <= seq) this.#dropOldest()
  }

  clear(): void {
    this.#blocks = []
    this.#bytes = 0
  }

  #begin(after: number): Block {
    const block = createBlock({ after, to: after, isOpen: true }, [])
    this.#blocks.push(block)
    this.#bytes += block.bytes
    return block
  }

  #dropOldest(): void {
    this.#bytes -= this.#blocks.shift()?.bytes ?? 0
  }
}
