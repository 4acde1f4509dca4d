import { HubClosedError } from '@sse-toolkit/sse-server'
import type { LogEntry, LogPage, Runtime, TopicPattern } from '@sse-toolkit/sse-server'
import { viewOf } from '../cache/block.ts'
import type { EventCache } from '../cache/event-cache.ts'
import type { Commands } from '../commands/commands.ts'
import { Deadlines, late } from '../connection/deadlines.ts'
import { LogUnavailableError } from '../errors/log-unavailable-error.ts'
import { BlockReads } from './block-reads.ts'
import { createLooks } from './looks.ts'
import type { Look, LookRequest } from './looks.ts'
import { PageBuilder } from './page-builder.ts'
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

// For how long a look serves readers that continue. It never says where the log ends: a page that ends there has a look of its
// own.
const lookLifeMs = 100

interface Found {
  readonly after: number
  readonly limit: number
  readonly found: readonly LogEntry[]
  /** Whether there may be more. */
  readonly isCut: boolean
}

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
 *     (all that wait, at once)   (each read once for all)            (by the look)
 *
 *     blocks:   | held: only names reach it |  the stream, from `trimmed` on  |
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

  /** @returns undefined if the log goes on in another epoch, or something expired in the meantime. */
  async #assemble(
    set: TopicSet,
    after: number,
    limit: number,
    look: Look,
    deadline: number,
  ): Promise<EventPage | undefined> {
    const held = new PageBuilder(limit)
    if (!(await this.#addHeld(held, set, { after, upTo: look.trimmed, look, deadline }))) return undefined
    if (held.isFull) return this.#pageOf(set, { after, limit, found: held.all, isCut: true }, look)
    const beginning = Math.max(after, look.trimmed)
    const found = new PageBuilder(limit, held)
    let position = beginning
    let isStale = false
    while (position < look.seq && !found.isFull) {
      const block =
        this.#options.cache.find(look.epoch, set, position) ??
        (await this.#within(this.#blocks.read(set, position, look, deadline), set, deadline))
      if (block === undefined) return undefined
      // An open block may end before what the log has by now.
      if (block.to <= position) continue
      isStale ||= block.trimmed > beginning || block.expiries > look.expiries
      position = found.add(viewOf(block, set), position, block.to)
    }
    const isCut = position < look.seq
    if (!isStale) return this.#pageOf(set, { after, limit, found: found.all, isCut }, look)
    // Something left the stream or expired between the look and the block, and the block lacks it.
    const state = await this.#looks.request({ set, after })
    if (state.epoch !== look.epoch) return undefined
    const heldNow = new PageBuilder(limit)
    const upTo = isCut ? Math.min(position, state.trimmed) : state.trimmed
    if (!(await this.#addHeld(heldNow, set, { after, upTo, look: state, deadline }))) return undefined
    if (heldNow.isFull) return this.#pageOf(set, { after, limit, found: heldNow.all, isCut: true }, state)
    const rest = new PageBuilder(limit, heldNow)
    const end = rest.add(found.entries, Math.max(after, state.trimmed), position)
    return this.#pageOf(set, { after, limit, found: rest.all, isCut: isCut || end < position }, state)
  }

  /**
   * What only the names of its topics reach, which comes before all that is in the stream.
   *
   * @returns false if the log goes on in another epoch, or one of the topics has expired since the look.
   */
  async #addHeld(
    page: PageBuilder,
    set: TopicSet,
    {
      after,
      upTo,
      look,
      deadline,
    }: { readonly after: number; readonly upTo: number; readonly look: Look; readonly deadline: number },
  ): Promise<boolean> {
    if (look.holders.length === 0) return true
    const holders = this.#sets.named(look.holders)
    let position = after
    let isStale = false
    while (position < upTo && !page.isFull) {
      const block =
        this.#options.cache.findHeld(look.epoch, holders, position) ??
        (await this.#within(this.#blocks.readHeld(holders, position, look, deadline), set, deadline))
      if (block === undefined || block.to <= position) return false
      isStale ||= block.expiries > look.expiries
      position = page.add(block.entries, position, Math.min(block.to, upTo))
    }
    if (!isStale) return true
    // Some topic has expired between the look and the block. If it was one of these, the block lacks it.
    const { epoch, expired } = await this.#looks.request({ set, after })
    return epoch === look.epoch && !look.holders.some((topic) => expired.has(topic))
  }

  #pageOf(set: TopicSet, { after, limit, found, isCut }: Found, look: Look): EventPage {
    const expired = set.isNamed ? look.expired : this.#options.cache.expired
    let entries = expired.size > 0 ? found.filter(({ topic }) => !expired.has(topic)) : found
    // They are of an earlier epoch, and so older than all that was found.
    const endings = look.endings.filter(({ position }) => position.seq > after)
    if (endings.length > 0) entries = [...endings, ...entries]
    return {
      epoch: look.epoch,
      entries: entries.length > limit ? entries.slice(0, limit) : entries,
      more: isCut || entries.length > limit,
      evictedUpTo: look.goneUpTo,
    }
  }

  /** @throws {@link LogUnavailableError} after the deadline. */
  async #within<Answer>(reading: Promise<Answer>, set: TopicSet, deadline: number): Promise<Answer> {
    const { runtime, commandTimeoutMs } = this.#options
    const answer = await this.#deadlines.within(reading, deadline - runtime.now())
    if (answer !== late) return answer
    const fact = `Redis did not answer within ${commandTimeoutMs} ms.`
    throw new LogUnavailableError('log-unavailable', `read ${set.texts.join(', ')}`, fact)
  }
}
