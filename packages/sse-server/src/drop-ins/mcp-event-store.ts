import { McpReplayError } from '../errors/mcp-replay-error.ts'
import { OptionError } from '../errors/option-error.ts'
import type { EventLog, LogEntry } from '../log/event-log.ts'
import { checkOptionNames } from '../option-names.ts'
import type { OptionNames } from '../option-names.ts'
import { durationOption } from '../options.ts'
import { systemRuntime } from '../runtime.ts'
import type { Runtime } from '../runtime.ts'
import { tokenOf } from '../topics/token-of.ts'
import { parseTopicPattern } from '../topics/topic-pattern.ts'
import type { Position } from '../wire-contract/event-id.ts'
import { formatNamedPosition, parseNamedPosition } from './named-position.ts'

export { McpReplayError, type McpReplayErrorCode } from '../errors/mcp-replay-error.ts'

/** Options of {@link mcpEventStore}. */
export interface McpEventStoreOptions {
  /**
   * Where the messages are kept. Use a separate log: a client that may subscribe to `>` on a hub's log can read them all. All
   * processes give the same log, such as `redisLog({ url, namespace: 'mcp' })`.
   */
  readonly log: Pick<EventLog, 'append' | 'read' | 'head' | 'tail'>
  /**
   * Whose messages these are. Every session calls its stream of notifications the same, so without this one session could read
   * another's. A server without sessions gives what stands for the client, such as the authorized user.
   */
  readonly sessionId: string
  /**
   * Milliseconds for which a replay that has nothing to send yet waits for the next message. For a process that resumes what
   * another one runs, and sends nothing by itself: the SDK's clients do not come back from an empty stream with the id that
   * they went on after.
   *
   * @defaultValue 0: it does not wait
   */
  readonly waitMs?: number | undefined
  /** Clock and timers, for tests and simulations. @defaultValue the host's */
  readonly runtime?: Runtime | undefined
}

const optionNames: OptionNames<McpEventStoreOptions> = {
  log: true,
  sessionId: true,
  waitMs: true,
  runtime: true,
}

/**
 * The `EventStore` of the MCP SDK (`@modelcontextprotocol/sdk` 1, `@modelcontextprotocol/server` 2), by its shape. A message is
 * a JSON-RPC message, or the empty object with which the SDK opens a stream.
 */
export interface McpEventStore {
  /** Stores a message, and resolves with its id once it is stored. */
  storeEvent(streamId: string, message: object): Promise<string>
  /** The stream that an id belongs to; undefined if it is not an id of this store. */
  getStreamIdForEventId(eventId: string): Promise<string | undefined>
  /**
   * Sends the messages that were stored after this one in its stream, in order, and resolves with the stream.
   *
   * @throws {@link McpReplayError} if they are not there. The SDK answers 500, and its `onerror` gets the error.
   */
  replayEventsAfter(
    lastEventId: string,
    { send }: { readonly send: (eventId: string, message: object) => Promise<void> },
  ): Promise<string>
}

/**
 * Lets the clients of an MCP server resume: a store for the messages of one session, on any log.
 *
 *     topic     mcp.<session>.<stream>         both percent-encoded
 *     event id  <epoch>-<seq>.<stream>         the message's place in the log, and its stream
 *
 * How long a message can be resumed after is the log's to say (`maxEvents`, `maxAgeMs`).
 *
 * @throws {@link OptionError} `code: 'invalid-option'`
 * @example
 * ```ts
 * import { memoryLog } from '@sse-toolkit/sse-server'
 * import { mcpEventStore } from '@sse-toolkit/sse-server/mcp'
 *
 * const log = memoryLog()
 * const sessionId = crypto.randomUUID()
 * const eventStore = mcpEventStore({ log, sessionId })
 * // new StreamableHTTPServerTransport({ sessionIdGenerator: () => sessionId, eventStore })
 * const first = await eventStore.storeEvent('stream', { jsonrpc: '2.0', method: 'first' })
 * await eventStore.storeEvent('stream', { jsonrpc: '2.0', method: 'second' })
 * await eventStore.replayEventsAfter(first, {
 *   send: async (_id, message) => console.log(message), // { jsonrpc: '2.0', method: 'second' }
 * })
 * await log.close()
 * ```
 * @see https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery
 */
export function mcpEventStore(options: McpEventStoreOptions): McpEventStore {
  checkOptionNames(options, optionNames)
  const { log, sessionId, runtime = systemRuntime } = options
  if (typeof (log as Partial<EventLog> | undefined)?.append !== 'function')
    throw new OptionError('log', log, 'an EventLog')
  // Not the empty one either: it is what a session that has not begun yet is called by mistake.
  if (typeof sessionId !== 'string' || sessionId === '')
    throw new OptionError('sessionId', sessionId, 'the id of a session')
  const waitMs = durationOption('waitMs', options.waitMs, 0)
  return new LoggedEventStore({ log, prefix: `mcp.${tokenOf(sessionId)}`, waitMs, runtime })
}

interface StoreSettings {
  readonly log: McpEventStoreOptions['log']
  /** What the topics of the session begin with. */
  readonly prefix: string
  readonly waitMs: number
  readonly runtime: Runtime
}

type Send = (eventId: string, message: object) => Promise<void>

class LoggedEventStore implements McpEventStore {
  readonly #settings: StoreSettings
  // By stream: the end of the turn in which its replay has ended.
  readonly #replays = new Map<string, Promise<void>>()

  constructor(settings: StoreSettings) {
    this.#settings = settings
  }

  async storeEvent(streamId: string, message: object): Promise<string> {
    const topic = this.#topicOf(streamId)
    const position = await this.#settings.log.append({ topic, data: JSON.stringify(message) })
    // The transport sends the message once it is stored, to the connection that reads the stream by then. It must not look before a
    // replay that is under way, and may have passed this place, has become the reader.
    for (let replay; (replay = this.#replays.get(streamId)) !== undefined;) await replay
    return formatNamedPosition({ position, name: streamId })
  }

  async getStreamIdForEventId(eventId: string): Promise<string | undefined> {
    return parseNamedPosition(eventId)?.name
  }

  async replayEventsAfter(lastEventId: string, { send }: { readonly send: Send }): Promise<string> {
    const last = parseNamedPosition(lastEventId)
    if (last === undefined) throw new McpReplayError('unknown-event', lastEventId)
    const { name: streamId, position } = last
    const replay = this.#beginReplay(streamId)
    const news = this.#listen(streamId)
    try {
      // More than once: what the tail tells of may be older, or no message.
      for (;;) {
        const isAnySent = await this.#sendAfter(position, streamId, lastEventId, send)
        if (isAnySent || !(await news.next())) return streamId
      }
    } finally {
      news.stop()
      replay.end()
    }
  }

  /** @returns whether there was something to send. */
  async #sendAfter(position: Position, streamId: string, lastEventId: string, send: Send): Promise<boolean> {
    let isAnySent = false
    for await (const entry of this.#entriesAfter(position, streamId, lastEventId)) {
      const message = JSON.parse(entry.data) as object
      // What opens a stream is not a message, and was for the reader that opened it.
      if (Object.keys(message).length === 0) continue
      isAnySent = true
      await send(formatNamedPosition({ position: entry.position, name: streamId }), message)
    }
    return isAnySent
  }

  async *#entriesAfter(
    after: Position,
    streamId: string,
    lastEventId: string,
  ): AsyncGenerator<LogEntry, undefined> {
    const topic = parseTopicPattern(this.#topicOf(streamId))
    let { seq } = after
    for (let more = true; more;) {
      const page = await this.#settings.log.read([topic], seq, pageSize)
      // After the page: if the log is still in this epoch, it was when the page was read. In another one the position means
      // nothing.
      const head = await this.#settings.log.head()
      if (head.epoch !== after.epoch || page.evictedUpTo > seq)
        throw new McpReplayError('events-lost', lastEventId)
      if (seq > head.seq) throw new McpReplayError('unknown-event', lastEventId)
      for (const entry of page.entries) {
        yield entry
        ;({ seq } = entry.position)
      }
      ;({ more } = page)
    }
  }

  #beginReplay(streamId: string): { readonly end: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#replays.set(streamId, promise)
    return {
      end: () =>
        // After the code that waited for the replay has continued.
        this.#settings.runtime.endOfTurn(() => {
          if (this.#replays.get(streamId) === promise) this.#replays.delete(streamId)
          resolve()
        }),
    }
  }

  /** Waits for news of a stream: `next` resolves with whether there is any before the time to wait is over. */
  #listen(streamId: string): { readonly next: () => Promise<boolean>; readonly stop: () => void } {
    const { log, waitMs, runtime } = this.#settings
    if (waitMs === 0) return { next: async () => false, stop: () => undefined }
    const topic = this.#topicOf(streamId)
    let isNew = false
    let isOver = false
    let endWait: (() => void) | undefined
    const notify = (): void => {
      isNew = true
      endWait?.()
    }
    const stopTail = log.tail({
      appended: (entry) => {
        if (entry.topic === topic) notify()
      },
      // What there is to know of these, reading again says.
      restarted: notify,
      skipped: notify,
      cancelled: () => undefined,
      abandoned: () => undefined,
    })
    const timer = runtime.setTimeout(() => {
      isOver = true
      endWait?.()
    }, waitMs)
    return {
      next: async () => {
        if (!isNew && !isOver)
          await new Promise<void>((resolve) => {
            endWait = resolve
          })
        const wasNew = isNew
        isNew = false
        return wasNew
      },
      stop: () => {
        stopTail()
        runtime.clearTimeout(timer)
      },
    }
  }

  #topicOf(streamId: string): string {
    return `${this.#settings.prefix}.${tokenOf(streamId)}`
  }
}

// Events of one read.
const pageSize = 256
