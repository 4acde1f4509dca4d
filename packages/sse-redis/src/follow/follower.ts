import { LogTails } from '@sse-toolkit/sse-server'
import type { ControlEntry, LogEntry, LogTailListener, Position } from '@sse-toolkit/sse-server'
import { decodeLine, parseMessage } from '../wire.ts'
import type { Message } from '../wire.ts'

/** A page of the log after a position. */
interface FollowedPage {
  readonly epoch: string
  /** The `seq` of the log's head. */
  readonly seq: number
  /** The `seq` after which the epoch began. */
  readonly base: number
  /** How many control entries had been announced by then. */
  readonly controlled: number
  readonly entries: readonly LogEntry[]
  readonly more: boolean
}

/** The control entries that were announced and are still kept. */
interface KeptControls {
  readonly controlled: number
  readonly entries: readonly ControlEntry[]
}

interface FollowerOptions {
  readonly readAfter: (seq: number) => Promise<FollowedPage>
  readonly readControls: () => Promise<KeptControls>
  /** Called with each event before the listeners are. */
  readonly told: (entry: LogEntry) => void
  readonly onError: (error: unknown) => void
}

type Told = Exclude<Message, { readonly kind: 'cancel' }>

// How much of the messages is held while the log is read, in UTF-16 code units. Beyond it the log is read once more.
const maxHeldLength = 1_048_576

// How many new epochs one call of `catchUp` follows.
const maxRestarts = 3

/**
 * Follows the log, and tells its listeners of every event once, in order.
 *
 *     told:    41 42 43 .. .. 46           a place is missing: a message was lost
 *     read:             44 45 46           so the log is read after the last place, until nothing is missing
 *
 * Messages that come while it reads are held, and applied afterwards where they are newer. So a message may be lost, come
 * late, or come twice.
 *
 * Redis counts the control entries, and each message carries its number. Where a number is missing, the kept entries are reported
 * again, with its age.
 */
export class Follower {
  readonly #options: FollowerOptions
  #position: Position | null = null
  // How many control entries had been announced; -1: not known.
  #controlled = -1
  readonly #tails = new LogTails()
  #held: Told[] | null = null
  #heldLength = 0
  #reading: Promise<void> | null = null
  #readsAgain = false
  #messages = 0

  constructor(options: FollowerOptions) {
    this.#options = options
  }

  /** The last event that listeners were notified of; null before the log is known. */
  get position(): Position | null {
    return this.#position
  }

  /** The number of the last control entry that listeners received. */
  get controlled(): number {
    return this.#controlled
  }

  /** How many messages have come. */
  get messages(): number {
    return this.#messages
  }

  /** Whether any listener would be notified of an abandoned topic. */
  get isFollowed(): boolean {
    return this.#position !== null && this.#tails.size > 0
  }

  /**
   * @param controlled - How many control entries had been announced. Those that are kept may have come between what
   *   listeners have looked up and this moment: they are told with the next {@link catchUp}.
   */
  begin(position: Position, controlled: number): void {
    if (this.#position !== null) return
    this.#position = position
    this.#controlled = controlled === 0 ? 0 : -1
  }

  listen(listener: LogTailListener): () => void {
    return this.#tails.add(listener)
  }

  stop(): void {
    this.#tails.clear()
  }

  /** A message has come over the channel. */
  receive(text: string): void {
    this.#messages += 1
    const message = parseMessage(text)
    if (message.kind === 'cancel') this.cancelled(message.topic)
    else if (this.#reading === null) {
      if (!this.#take(message)) void this.catchUp()
    } else this.#hold(message, text.length)
  }

  cancelled(topic: string): void {
    this.#tails.notify((listener) => listener.cancelled(topic))
  }

  abandoned(topic: string): void {
    this.#tails.notifyFirst((listener) => listener.abandoned(topic))
  }

  /**
   * Reads what was missed, until nothing is missing that was there when it was called.
   *
   * Never rejects. If it cannot read now, the follower stays behind until the next call.
   */
  catchUp(): Promise<void> {
    if (this.#reading !== null) this.#readsAgain = true
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = null
    })
    return this.#reading
  }

  #hold(message: Told, length: number): void {
    if (this.#held === null) return
    this.#held.push(message)
    this.#heldLength += length
    if (this.#heldLength > maxHeldLength) this.#held = null
  }

  async #readAll(): Promise<void> {
    let restarts = 0
    try {
      do {
        this.#readsAgain = false
        while (this.#position !== null) {
          const { epoch } = this.#position
          if (await this.#readPage(this.#position)) break
          // A log that loses its memory at each read is never caught up with.
          if (epoch !== this.#position.epoch && (restarts += 1) > maxRestarts) return
        }
      } while (this.#readsAgain)
    } catch (error) {
      this.#options.onError(error)
    } finally {
      this.#held = null
    }
  }

  /** @returns whether nothing is missing any more. */
  async #readPage(position: Position): Promise<boolean> {
    this.#held = []
    this.#heldLength = 0
    const page = await this.#options.readAfter(position.seq)
    if (page.epoch !== position.epoch) {
      this.#restart({ epoch: page.epoch, seq: page.base })
      return false
    }
    this.#tell(...page.entries)
    if (page.more) return false
    this.#skipTo({ epoch: page.epoch, seq: page.seq })
    if (page.controlled !== this.#controlled) await this.#tellControls()
    const held = this.#held
    this.#held = null
    return held !== null && held.every((message) => this.#take(message))
  }

  async #tellControls(): Promise<void> {
    const { controlled, entries } = await this.#options.readControls()
    this.#controlled = controlled
    for (const entry of entries) this.#tellControl(entry)
  }

  #tellControl(entry: ControlEntry): void {
    this.#tails.notify((listener) => listener.controlled?.(entry))
  }

  /** @returns false if something before it is missing. */
  #take(message: Told): boolean {
    const position = this.#position
    // The log is not known yet: its head is looked up after the channel is subscribed to.
    if (position === null) return true
    if (message.kind === 'control') {
      if (this.#controlled === -1 || message.version > this.#controlled + 1) return false
      if (message.version <= this.#controlled) return true
      this.#controlled = message.version
      this.#tellControl(message.entry)
      return true
    }
    const { epoch, first, lines } = message
    if (epoch !== position.epoch || first > position.seq + 1) return false
    const news = lines
      .map((line, index) => ({ seq: first + index, line }))
      .filter(({ seq }) => seq > position.seq)
      .map(({ seq, line }) => decodeLine(epoch, seq, line))
    this.#tell(...news)
    return true
  }

  /** In one call, what belongs together: what a listener causes comes after all of it. */
  #tell(...entries: readonly LogEntry[]): void {
    const news: ((listener: LogTailListener) => void)[] = []
    for (const entry of entries) {
      const { epoch, seq } = entry.position
      const before = { epoch, seq: seq - 1 }
      if (this.#position !== null && before.seq > this.#position.seq)
        news.push((listener) => listener.skipped(before))
      this.#position = entry.position
      this.#options.told(entry)
      news.push((listener) => listener.appended(entry))
    }
    this.#tails.notify(...news)
  }

  /** The events up to this position are gone. */
  #skipTo(position: Position): void {
    if (this.#position === null || position.seq <= this.#position.seq) return
    this.#position = position
    this.#tails.notify((listener) => listener.skipped(position))
  }

  #restart(position: Position): void {
    this.#position = position
    // What was written in the epoch before is not counted on.
    this.#controlled = -1
    this.#tails.notify((listener) => listener.restarted(position))
  }
}
