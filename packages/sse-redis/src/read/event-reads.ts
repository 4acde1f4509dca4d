import { HubClosedError } from '@sse-toolkit/sse-server'
import type { LogEntry, LogPage, Runtime, TopicPattern } from '@sse-toolkit/sse-server'
import { viewOf } from '../cache/block.ts'
import type { Block } from '../cache/block.ts'
import type { EventCache } from '../cache/event-cache.ts'
import type { Commands } from '../commands/commands.ts'
import { Deadlines, late } from '../connection/deadlines.ts'
import { LogUnavailableError } from '../errors/log-unavailable-error.ts'
import { BlockReads, budgetBytes } from './block-reads.ts'
import { createLooks } from './looks.ts'
import type { Look, LookRequest } from './looks.ts'
import type { RequestBatch } from './request-batch.ts'
import { TopicSets } from './topic-set.ts'
import type { TopicSet } from './topic-set.ts'

/** A page, and the epoch that it is of. */
export interface EventPage extends LogPage {
  readonly epoch: string
}

export interface EventReadsOptions {
  readonly commands: Commands
  readonly cache: EventCache
  readonly runtime: Runtime
  readonly commandTimeoutMs: number
}

// How many epochs one read follows.
const maxAttempts = 3

// For how long a look serves those who read on. It never says where the log ends: a page that ends there has a look of its
// own.
const lookLifeMs = 100

interface KnownLook {
  readonly look: Look
  /** It says what is gone after this position. */
  readonly after: number
  readonly until: number
}

/**
 * Reads pages for the readers of a process.
 *
 *     look at the log --> blocks, from the cache or from Redis --> leave out what is gone or over --> page
 *     (all who wait, at once)   (each read once for all)            (by the look)
 */
export class EventReads {
  readonly #options: EventReadsOptions
  readonly #sets = new TopicSets()
  readonly #looks: RequestBatch<LookRequest, Look>
  readonly #known = new WeakMap<TopicSet, KnownLook>()
  readonly #blocks: BlockReads
  readonly #deadlines: Deadlines

  constructor(options: EventReadsOptions) {
    const { commands, cache, runtime, commandTimeoutMs } = options
    this.#options = options
    this.#looks = createLooks({
      run: (command) => commands.run(command),
      cache,
      timeoutMs: commandTimeoutMs,
      runtime,
    })
    this.#blocks = new BlockReads(options)
    this.#deadlines = new Deadlines(runtime)
  }

  get underWay(): number {
    return this.#blocks.underWay
  }

  get waiting(): number {
    return this.#blocks.waiting
  }

  /** @throws {@link LogUnavailableError} or `HubClosedError` */
  async read(patterns: readonly TopicPattern[], after: number, limit: number): Promise<EventPage> {
    const set = this.#sets.of(patterns)
    const deadline = this.#options.runtime.now() + this.#options.commandTimeoutMs
    const known = this.#knownLook(set, after)
    if (known !== undefined) {
      const page = await this.#assemble(set, after, limit, known, deadline)
      if (page?.more === true) return page
    }
    for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
      const look = await this.#looks.request({ set, after })
      this.#known.set(set, { look, after, until: this.#options.runtime.now() + lookLifeMs })
      const page = await this.#assemble(set, after, limit, look, deadline)
      if (page !== undefined) return page
    }
    throw new LogUnavailableError('log-unavailable', 'read', 'the log goes on in another epoch')
  }

  close(): void {
    this.#deadlines.cancel(new HubClosedError())
  }

  /** What somebody has found out a moment ago, if it still holds as far as this process knows. */
  #knownLook(set: TopicSet, after: number): Look | undefined {
    const { cache, runtime } = this.#options
    const known = this.#known.get(set)
    if (known === undefined || after < known.after || runtime.now() > known.until) return undefined
    return cache.isCurrent(known.look, after) ? known.look : undefined
  }

  /** @returns undefined if the log goes on in another epoch. */
  async #assemble(
    set: TopicSet,
    after: number,
    limit: number,
    look: Look,
    deadline: number,
  ): Promise<EventPage | undefined> {
    const beginning = Math.max(after, look.trimmed)
    let found: readonly LogEntry[] = []
    let position = beginning
    let length = 0
    let isStale = false
    while (position < look.seq && found.length < limit && length < budgetBytes) {
      const block =
        this.#options.cache.find(look.epoch, set, position) ??
        (await this.#readBlock(set, position, look, deadline))
      if (block === undefined) return undefined
      // An open block may end before what the log has by now.
      if (block.to <= position) continue
      isStale ||= block.trimmed > beginning || block.expiries > look.expiries
      const view = viewOf(block, set)
      const first = indexOf(view, position)
      const last = lastIndexWithin(view, first, limit - found.length, budgetBytes - length)
      const part = first === 0 && last === view.length ? view : view.slice(first, last)
      for (const { data } of part) length += data.length
      // Readers of the same page share it.
      found = found.length === 0 ? part : [...found, ...part]
      position = last === view.length ? block.to : (part.at(-1)?.position.seq ?? position)
    }
    // Something was evicted or expired between the look and the block, and the block lacks it.
    const state = isStale ? await this.#looks.request({ set, after }) : look
    if (state.epoch !== look.epoch) return undefined
    return this.#pageOf(set, { after, limit, found, searched: position, isCut: position < look.seq }, state)
  }

  #pageOf(
    set: TopicSet,
    {
      after,
      limit,
      found,
      searched,
      isCut,
    }: {
      readonly after: number
      readonly limit: number
      readonly found: readonly LogEntry[]
      readonly searched: number
      readonly isCut: boolean
    },
    look: Look,
  ): EventPage {
    const expired = set.isNamed ? look.expired : this.#options.cache.expired
    let entries = found
    if (expired.size > 0 || (found[0]?.position.seq ?? Number.POSITIVE_INFINITY) <= look.trimmed)
      entries = found.filter(({ topic, position }) => position.seq > look.trimmed && !expired.has(topic))
    const held = look.held.filter(
      ({ position }) => position.seq > after && (!isCut || position.seq <= searched),
    )
    if (held.length > 0)
      entries = [...held, ...entries].toSorted((one, other) => one.position.seq - other.position.seq)
    return {
      epoch: look.epoch,
      entries: entries.length > limit ? entries.slice(0, limit) : entries,
      more: isCut || entries.length > limit,
      evictedUpTo: after === 0 ? look.goneUpToFromStart : look.goneUpTo,
    }
  }

  async #readBlock(
    set: TopicSet,
    position: number,
    look: Look,
    deadline: number,
  ): Promise<Block | undefined> {
    const { runtime, commandTimeoutMs } = this.#options
    const reading = this.#blocks.read(set, position, look, deadline)
    const block = await this.#deadlines.within(reading, deadline - runtime.now())
    if (block !== late) return block
    const fact = `Redis did not answer within ${commandTimeoutMs} ms.`
    throw new LogUnavailableError('log-unavailable', `read ${set.texts.join(', ')}`, fact)
  }
}

/** Up to where entries fit into a page: at least one, and no further one once the length is reached. */
function lastIndexWithin(
  entries: readonly LogEntry[],
  first: number,
  limit: number,
  maxLength: number,
): number {
  const end = Math.min(entries.length, first + limit)
  let length = 0
  let index = first
  while (index < end && length < maxLength) {
    length += entries[index]?.data.length ?? 0
    index += 1
  }
  return index
}

/** Of the first entry after the position. */
function indexOf(entries: readonly LogEntry[], position: number): number {
  let [low, high] = [0, entries.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((entries[middle]?.position.seq ?? 0) <= position) low = middle + 1
    else high = middle
  }
  return low
}
