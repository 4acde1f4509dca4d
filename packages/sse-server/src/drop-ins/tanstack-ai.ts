import { OptionError } from '../errors/option-error.ts'
import { TopicError } from '../errors/topic-error.ts'
import { HubStreamError } from '../errors/hub-stream-error.ts'
import type { Hub } from '../hub/hub.ts'
import type { HubReading } from '../hub/hub-options.ts'
import type { HubEvent } from '../hub/publish-options.ts'
import { maxBatchEvents } from '../log/event-log.ts'
import { checkOptionNames } from '../option-names.ts'
import type { OptionNames } from '../option-names.ts'
import { durationOption } from '../options.ts'
import { systemRuntime } from '../runtime.ts'
import type { Runtime } from '../runtime.ts'
import { tokenOf } from '../topics/token-of.ts'
import { formatEventId, parseEventId } from '../wire-contract/event-id.ts'
import { formatNamedPosition, parseNamedPosition } from './named-position.ts'
import type { NamedPosition } from './named-position.ts'
import { beginningOf } from './topic-bounds.ts'

export { HubStreamError, type HubStreamErrorCode } from '../errors/hub-stream-error.ts'

/** `StreamDurability` of TanStack AI, by its shape. */
export interface HubStream<Chunk> {
  /** What the request asks to go on after; null for a request that begins a run. */
  readonly resumeFrom: () => string | null
  /**
   * Stores chunks, and resolves with an offset for each.
   *
   * @throws {@link TopicEndedError} if the run is over, or was cancelled; and what {@link Hub.publishBatch} throws.
   */
  readonly append: (chunks: readonly Chunk[]) => Promise<string[]>
  /**
   * The chunks after an offset: what is stored, then what is appended, until the run is closed, or `signal` aborts. `-1` is the
   * beginning, `now` the newest.
   *
   * @throws {@link HubStreamError} from the loop, if the run is not whole.
   */
  readonly read: (
    offset: string,
    signal?: AbortSignal,
  ) => AsyncGenerator<{ offset: string; chunk: Chunk }, undefined>
  /** Ends the run for its readers. */
  readonly close: () => Promise<void>
  /** What is stored at the moment. */
  readonly snapshot: () => Promise<{ offset: string; chunk: Chunk }[]>
}

/** Which run, and where to continue, if there is no request that says so. */
export interface HubStreamInit {
  readonly runId: string
  readonly offset?: string | null | undefined
}

/** Options of {@link hubStream}. */
export interface HubStreamOptions {
  /** Milliseconds for which a run that has ended can still be read. @defaultValue 600 000, ten minutes */
  readonly ttlMs?: number | undefined
  /** Milliseconds for which `read` waits for the first chunk of a run that has not begun. @defaultValue 100 */
  readonly firstChunkDeadlineMs?: number | undefined
  /** Clock and timers, for tests and simulations. @defaultValue the host's */
  readonly runtime?: Runtime | undefined
}

const optionNames: OptionNames<HubStreamOptions> = {
  ttlMs: true,
  firstChunkDeadlineMs: true,
  runtime: true,
}

/** The methods of a hub that `hubStream` calls. */
export type HubOfStreams = Pick<Hub, 'run' | 'read' | 'end' | 'publishBatch' | 'topicState' | 'position'>

/**
 * The delivery durability of [TanStack AI](https://tanstack.com/ai) on a hub: what its `memoryStream` is for one process.
 *
 *     topic    tanstack-ai.<run>          percent-encoded
 *     offset   <epoch>-<seq>.<run>        the chunk's place in the log, and its run
 *
 * A run is held by the log until `ttlMs` after its end. Its end is known also if the process that runs it dies. `hub.cancel`
 * of its topic has its next `append` fail.
 *
 * @param source - the request, of which it takes `Last-Event-ID` or `?offset`, and `X-Run-Id` or `?runId`; or what these say.
 * @throws {@link TopicError} `status: 400` for a request whose offset it did not give.
 * @throws {@link OptionError} `code: 'invalid-option'`
 * @example
 * ```ts
 * import { createHub } from '@sse-toolkit/sse-server'
 * import { hubStream } from '@sse-toolkit/sse-server/tanstack-ai'
 *
 * const hub = createHub()
 * const adapter = hubStream(hub, { runId: '7' })
 * // toServerSentEventsResponse(chat({ ... }), { durability: { adapter: hubStream(hub, request) } })
 * await adapter.append([{ type: 'RUN_STARTED' }, { type: 'RUN_FINISHED' }])
 * await adapter.close()
 * for await (const { chunk } of adapter.read('-1')) console.log(chunk)
 * await hub.close()
 * ```
 */
export function hubStream<Chunk extends object = object>(
  hub: HubOfStreams,
  source: Request | HubStreamInit,
  options: HubStreamOptions = {},
): HubStream<Chunk> {
  checkOptionNames(options, optionNames)
  const { runId, offset } = askedOf(source)
  const { runtime = systemRuntime } = options
  const ttlMs = durationOption('ttlMs', options.ttlMs, 600_000)
  const firstChunkDeadlineMs = durationOption('firstChunkDeadlineMs', options.firstChunkDeadlineMs, 100)
  const topic = `tanstack-ai.${tokenOf(runId)}`
  // Where this process runs it: ends the run, and resolves when it has ended.
  let running: Promise<(() => Promise<unknown>) | undefined> | undefined

  /** Claims the topic for as long as the run goes on here: so the log holds it, and knows if this process dies. */
  async function begin(): Promise<(() => Promise<unknown>) | undefined> {
    const closed = Promise.withResolvers<void>()
    const run = await hub.run(
      topic,
      // oxlint-disable-next-line require-yield -- its events are appended
      async function* ({ signal }): AsyncGenerator<HubEvent> {
        signal.addEventListener('abort', () => closed.resolve())
        await closed.promise
      },
      { ttlMs },
    )
    if (!run.started) return undefined
    return () => {
      closed.resolve()
      return run.finished
    }
  }

  function entryOf(reading: HubReading & { readonly type: 'event' }): { offset: string; chunk: Chunk } {
    return { offset: offsetOf(reading.id), chunk: JSON.parse(reading.data) as Chunk }
  }

  function offsetOf(id: string): string {
    const position = parseEventId(id)
    if (position === undefined) throw new OptionError('hub', id, 'a hub whose ids are positions')
    return formatNamedPosition({ position, name: runId })
  }

  async function after(start: string): Promise<string> {
    if (start === '-1') return beginningOf(hub)
    if (start === 'now') return hub.position(topic)
    const asked = parseNamedPosition(start)
    if (asked?.name !== runId) throw invalidOffset(start)
    return formatEventId(asked.position)
  }

  async function* read(
    start: string,
    signal?: AbortSignal,
  ): AsyncGenerator<{ offset: string; chunk: Chunk }, undefined> {
    const aborter = new AbortController()
    const stop = (): void => aborter.abort()
    let isLate = false
    let timer: unknown
    signal?.addEventListener('abort', stop)
    if (signal?.aborted === true) stop()
    try {
      const position = await after(start)
      if ((await hub.topicState(topic)) === 'open')
        timer = runtime.setTimeout(() => {
          isLate = true
          stop()
        }, firstChunkDeadlineMs)
      for await (const reading of hub.read([topic], { after: position, signal: aborter.signal })) {
        runtime.clearTimeout(timer)
        if (reading.type === 'event') yield entryOf(reading)
        if (reading.type === 'gap' || reading.type === 'failure') throw lostBy(reading)
        if (reading.type !== 'end') continue
        if (reading.reason === 'completed' || reading.reason === 'cancelled') return undefined
        throw lostBy(reading)
      }
      if (await isOverAt(position)) return undefined
      throw new HubStreamError('incomplete', runId, 'was not read to its end')
    } catch (error) {
      if (isLate)
        throw new HubStreamError('unknown-run', runId, `has no chunk after ${firstChunkDeadlineMs} ms`)
      if (aborter.signal.aborted) return undefined
      throw error
    } finally {
      runtime.clearTimeout(timer)
      signal?.removeEventListener('abort', stop)
    }
  }

  /** Whether the run is over, and a reader at this place has had all of it. */
  async function isOverAt(place: string): Promise<boolean> {
    if ((await hub.topicState(topic)) !== 'ended') return false
    const [here, end] = [parseEventId(place), parseEventId(await hub.position(topic))]
    return here !== undefined && here.epoch === end?.epoch && here.seq >= end.seq
  }

  function lostBy(reading: HubReading): HubStreamError {
    if (reading.type === 'failure') return new HubStreamError('failed', runId, `failed: ${reading.message}`)
    if (reading.type === 'end' && (reading.reason === 'failed' || reading.reason === 'interrupted'))
      return new HubStreamError(reading.reason, runId, `was ${reading.reason}`)
    return new HubStreamError('incomplete', runId, 'lacks chunks that the log no longer holds')
  }

  return {
    resumeFrom: () => offset,
    async append(chunks) {
      running ??= begin()
      try {
        await running
      } catch (error) {
        running = undefined
        throw error
      }
      const offsets: string[] = []
      for (const events of batchesOf(chunks.map((chunk) => JSON.stringify(chunk)))) {
        const { ids } = await hub.publishBatch(topic, events)
        offsets.push(...ids.map(offsetOf))
      }
      return offsets
    },
    read,
    async close() {
      const end = await running
      await (end === undefined ? hub.end(topic, { ttlMs }) : end())
    },
    async snapshot() {
      const state = await hub.topicState(topic)
      const last = parseEventId(await hub.position(topic))
      if (state === 'expired' || last === undefined || last.seq === 0) return []
      const entries: { offset: string; chunk: Chunk }[] = []
      for await (const reading of hub.read([topic], { after: await beginningOf(hub) })) {
        if (reading.type === 'gap') throw lostBy(reading)
        if (reading.type === 'event') entries.push(entryOf(reading))
        if ((parseEventId(reading.id)?.seq ?? 0) >= last.seq) break
      }
      return entries
    },
  }
}

// Of one batch, in UTF-16 code units: at three bytes each, below what a hub takes.
const maxBatchLength = 262_144

/** In order, in batches that a hub takes. */
function* batchesOf(data: readonly string[]): Generator<readonly HubEvent[], undefined> {
  let batch: HubEvent[] = []
  let length = 0
  for (const each of data) {
    if (batch.length === maxBatchEvents || (batch.length > 0 && length + each.length > maxBatchLength)) {
      yield batch
      batch = []
      length = 0
    }
    batch.push({ data: each })
    length += each.length
  }
  if (batch.length > 0) yield batch
}

function askedOf(source: Request | HubStreamInit): {
  readonly runId: string
  readonly offset: string | null
} {
  if (typeof source !== 'object' || source === null)
    throw new OptionError('source', source, 'a web Request, or an object with a runId')
  if ('runId' in source) {
    if (typeof source.runId !== 'string' || source.runId === '')
      throw new OptionError('runId', source.runId, 'the id of a run')
    return { runId: source.runId, offset: source.offset ?? null }
  }
  if (typeof (source as Partial<Request>).headers?.get !== 'function')
    throw new OptionError('source', source, 'a web Request, or an object with a runId')
  const { searchParams } = new URL(source.url, 'http://localhost')
  const offset = source.headers.get('last-event-id') ?? searchParams.get('offset')
  const runId = source.headers.get('x-run-id') ?? searchParams.get('runId') ?? undefined
  if (offset === null || offset === '' || offset === '-1' || offset === 'now')
    return { runId: runId ?? crypto.randomUUID(), offset: offset === '' ? null : offset }
  const asked: NamedPosition | undefined = parseNamedPosition(offset)
  if (asked === undefined || asked.name === '') throw invalidOffset(offset)
  return { runId: asked.name, offset }
}

function invalidOffset(offset: string): TopicError {
  return new TopicError('offset', offset, 'an offset of this run')
}
