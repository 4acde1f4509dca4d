import { findBlock, indexAfter } from './block.ts'
import type { Block } from './block.ts'

/** With what the name of a source begins whose events have left the stream already. No topic begins so. */
export const heldPrefix = ' '

/** Blocks that were read, by what they hold, bounded in bytes. Those that were not used for longest go first. */
export class BlockCache {
  readonly #maxBytes: number
  readonly #sources = new Map<string, Block[]>()
  // In the order of their last use.
  readonly #used = new Map<Block, string>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  find(source: string, position: number): Block | undefined {
    const block = findBlock(this.#sources.get(source) ?? [], position)
    if (block === undefined) return undefined
    this.#used.delete(block)
    this.#used.set(block, source)
    return block
  }

  /** Takes the place of a block that begins where this one does. */
  add(source: string, block: Block): void {
    const blocks = this.#sources.get(source) ?? []
    const index = indexAfter(blocks, block.after)
    const before = blocks[index - 1]
    if (before?.after === block.after) this.#drop(before, source)
    if (block.bytes > this.#maxBytes) return
    const list = this.#sources.get(source) ?? []
    list.splice(indexAfter(list, block.after), 0, block)
    this.#sources.set(source, list)
    this.#used.set(block, source)
    this.#bytes += block.bytes
    for (const [oldest, its] of this.#used) {
      if (this.#bytes <= this.#maxBytes) break
      this.#drop(oldest, its)
    }
  }

  /** Events up to this one have left the stream. */
  dropUpTo(seq: number): void {
    for (const [source, blocks] of this.#sources) {
      if (source.startsWith(heldPrefix)) continue
      for (let first = blocks[0]; first !== undefined && first.to <= seq; first = blocks[0])
        this.#drop(first, source)
    }
  }

  clear(): void {
    this.#sources.clear()
    this.#used.clear()
    this.#bytes = 0
  }

  #drop(block: Block, source: string): void {
    this.#used.delete(block)
    this.#bytes -= block.bytes
    const blocks = this.#sources.get(source)
    const index = blocks?.indexOf(block) ?? -1
    blocks?.splice(index, 1)
    if (blocks?.length === 0) this.#sources.delete(source)
  }
}
