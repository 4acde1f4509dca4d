import { OptionError } from '../errors/option-error.ts'
import type { Hub } from '../hub/hub.ts'
import type { TopicState } from '../log/event-log.ts'
import { checkOptionNames } from '../option-names.ts'
import type { OptionNames } from '../option-names.ts'
import { durationOption, functionOption } from '../options.ts'
import { checkTopic } from '../topics/topic.ts'
import { tokenOf } from '../topics/token-of.ts'
import { beginningOf, endOf } from './topic-bounds.ts'
import { readText } from './read-text.ts'
import { textPieces } from './text-pieces.ts'

export { ResumableStreamError, type ResumableStreamErrorCode } from '../errors/resumable-stream-error.ts'

/** Makes the stream. `signal` aborts when somebody stops it, and when the hub is closed. */
export type MakeStream = (context: { readonly signal: AbortSignal }) => ReadableStream<string>

/** Options of {@link createResumableStreamContext}. */
export interface CreateResumableStreamContextOptions {
  /** Runs and holds the streams. Its log decides how far they reach: a process, a machine, or several. */
  readonly hub: Pick<Hub, 'run' | 'read' | 'cancel' | 'topicState' | 'position'>
  /**
   * Is given a promise for each stream that begins here, which resolves when the stream has ended: a platform that suspends
   * functions keeps this one alive until then.
   *
   * @defaultValue `null`: the process stays alive by itself
   */
  readonly waitUntil?: ((promise: Promise<unknown>) => void) | null | undefined
  /** What the topics of the streams begin with: `resumable-stream.<id>`. @defaultValue `resumable-stream` */
  readonly keyPrefix?: string | undefined
  /**
   * Milliseconds for which a reader that lags behind can still read a stream that has ended.
   *
   * @defaultValue 600 000, ten minutes
   */
  readonly ttlMs?: number | undefined
}

const optionNames: OptionNames<CreateResumableStreamContextOptions> = {
  hub: true,
  waitUntil: true,
  keyPrefix: true,
  ttlMs: true,
}

/** The functions of `resumable-stream`, and one that stops a stream. */
export interface ResumableStreamContext {
  /**
   * Begins a stream, or joins the existing one.
   *
   * @param skipCharacters - how many UTF-16 code units a reader that joins has had. The one that begins it gets it whole.
   * @returns null if the stream is over.
   * @throws {@link TopicError} `code: 'invalid-topic'` for an id that is too long, or has a lone surrogate.
   */
  readonly resumableStream: (
    streamId: string,
    makeStream: MakeStream,
    skipCharacters?: number,
  ) => Promise<ReadableStream<string> | null>
  /**
   * Joins a stream.
   *
   * @returns null if the stream is over, undefined if it does not exist. One that failed can be read until its time is over: it
   *   gives what there was, then its error.
   * @throws as {@link resumableStream} does.
   */
  readonly resumeExistingStream: (
    streamId: string,
    skipCharacters?: number,
  ) => Promise<ReadableStream<string> | null | undefined>
  /** The same as {@link resumableStream}: no id is ever run twice. */
  readonly createNewResumableStream: (
    streamId: string,
    makeStream: MakeStream,
    skipCharacters?: number,
  ) => Promise<ReadableStream<string> | null>
  /** @returns null if there is no such stream, `'DONE'` if it is over. */
  readonly hasExistingStream: (streamId: string) => Promise<null | true | 'DONE'>
  /**
   * Stops a stream, in whichever process it runs: `signal` aborts, the stream is cancelled, and its readers come to its end.
   *
   * @returns whether there was something to stop.
   */
  readonly stopExistingStream: (streamId: string) => Promise<boolean>
}

/**
 * The interface of [resumable-stream](https://github.com/vercel/resumable-stream) over a hub: streams of text that go on when
 * their reader leaves, and that another request joins, in this process or in any on the hub's log.
 *
 * Each stream is a finite topic of the hub, `resumable-stream.<id>`. A reader of the hub's pattern `>` gets its pieces too.
 *
 * @throws {@link OptionError} `code: 'invalid-option'`
 * @example
 * ```ts
 * import { createHub } from '@sse-toolkit/sse-server'
 * import { createResumableStreamContext } from '@sse-toolkit/sse-server/resumable-stream'
 *
 * const hub = createHub()
 * const streams = createResumableStreamContext({ hub })
 * const answer = await streams.resumableStream('7', () => ReadableStream.from(['It', ' depends', '.']))
 * console.log(await new Response(answer?.pipeThrough(new TextEncoderStream())).text()) // It depends.
 * await hub.close()
 * ```
 */
export function createResumableStreamContext(
  options: CreateResumableStreamContextOptions,
): ResumableStreamContext {
  checkOptionNames(options, optionNames)
  const { hub, keyPrefix = 'resumable-stream' } = options
  if (typeof (hub as Partial<Hub> | undefined)?.run !== 'function') throw new OptionError('hub', hub, 'a hub')
  const waitUntil = functionOption('waitUntil', options.waitUntil ?? undefined)
  const ttlMs = durationOption('ttlMs', options.ttlMs, 600_000)
  checkTopic(keyPrefix)
  const topicOf = (streamId: string): string => `${keyPrefix}.${tokenOf(streamId)}`

  /** A stream that is over is not given again, unless its reader would take what it has for the whole. */
  async function join(
    streamId: string,
    state: TopicState,
    skipCharacters: number | undefined,
  ): Promise<ReadableStream<string> | null> {
    const topic = topicOf(streamId)
    if (state === 'expired') return null
    if (state === 'ended') {
      const end = await endOf(hub, topic)
      if (end === undefined || end === 'completed' || end === 'cancelled') return null
    }
    return readText(hub, { topic, streamId, skipCharacters, after: await beginningOf(hub) })
  }

  async function beginOrJoin(
    streamId: string,
    makeStream: MakeStream,
    skipCharacters?: number,
  ): Promise<ReadableStream<string> | null> {
    const topic = topicOf(streamId)
    const run = await hub.run(topic, (context) => textPieces(makeStream(context)), { ttlMs })
    if (!run.started) return join(streamId, run.state, skipCharacters)
    waitUntil?.(run.finished)
    return readText(hub, { topic, streamId, skipCharacters: 0, after: await beginningOf(hub) })
  }

  return {
    resumableStream: beginOrJoin,
    createNewResumableStream: beginOrJoin,
    async resumeExistingStream(streamId, skipCharacters) {
      const state = await hub.topicState(topicOf(streamId))
      return state === 'open' ? undefined : join(streamId, state, skipCharacters)
    },
    async hasExistingStream(streamId) {
      const state = await hub.topicState(topicOf(streamId))
      if (state === 'open') return null
      return state === 'running' ? true : 'DONE'
    },
    stopExistingStream: async (streamId) => hub.cancel(topicOf(streamId)),
  }
}
