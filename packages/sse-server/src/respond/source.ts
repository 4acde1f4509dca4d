import type { Connection, EventStream } from '../connection/event-stream.ts'
import { OptionError } from '../errors/option-error.ts'
import { Pace } from '../pace.ts'
import type { Runtime } from '../runtime.ts'
import type { EventOf, EventSchemas } from '../format/typed-events.ts'

/** Things in order: an iterable, an async iterable, or a web stream. */
export type Sequence<T> = Iterable<T> | AsyncIterable<T> | ReadableStream<T>

/**
 * Where the events of a response come from.
 *
 * - A sequence of events: read as fast as the client takes it; the stream closes at its end. A string is an event's data.
 * - A function that returns one, or a promise of one, such as an async generator function: called with the stream, so
 *   `async function* ({ signal, lastEventId }) {...}` has what it needs.
 * - A function that returns nothing (or a promise of it): it pushes into the stream it is given, which stays open
 *   until `stream.close()` or until the client leaves.
 */
export type EventStreamSource<Schemas extends EventSchemas = EventSchemas> =
  | Sequence<EventOf<Schemas> | string>
  | ((
      stream: EventStream<Schemas>,
    ) => Sequence<EventOf<Schemas> | string> | Promise<Sequence<EventOf<Schemas> | string> | void> | void)

/** Pieces of an event stream that is formatted already. */
export type RawSource =
  | Sequence<string | Uint8Array>
  | ((
      stream: Pick<EventStream, 'signal' | 'lastEventId'>,
    ) => Sequence<string | Uint8Array> | Promise<Sequence<string | Uint8Array>>)

/** The common form of all sequences: an iterator, of which only `return` may be called while a `next` is pending. */
export interface SourceIterator<T> {
  next(): Promise<IteratorResult<T, unknown>> | IteratorResult<T, unknown>
  return?(): unknown
}

/** By its shape: a polyfill, or another realm, has another class. */
function isReadableStream<T>(value: object): value is ReadableStream<T> {
  return 'getReader' in value && typeof value.getReader === 'function'
}

/** A Readable of Node, or of the package readable-stream. */
function isNodeReadable<T>(value: object): value is AsyncIterable<T> & { destroy(): unknown } {
  return (
    Symbol.asyncIterator in value &&
    'pipe' in value &&
    typeof value.pipe === 'function' &&
    'destroy' in value &&
    typeof value.destroy === 'function'
  )
}

/** @returns undefined if it is not a sequence. A string does not count: its characters are not events. */
export function iterateSequence<T>(sequence: unknown): SourceIterator<T> | undefined {
  if (typeof sequence !== 'object' || sequence === null) return undefined
  if (isReadableStream<T>(sequence)) {
    // Not its own async iterator: that one's `return` waits for the pending read, which may never end.
    const reader = sequence.getReader()
    return {
      next: () => reader.read(),
      return: () => reader.cancel(),
    }
  }
  if (isNodeReadable<T>(sequence)) {
    const iterator = sequence[Symbol.asyncIterator]()
    // The iterator's own `return` waits for the pending read as well.
    return { next: () => iterator.next(), return: () => sequence.destroy() }
  }
  if (Symbol.asyncIterator in sequence) return (sequence as AsyncIterable<T>)[Symbol.asyncIterator]()
  if (Symbol.iterator in sequence) return (sequence as Iterable<T>)[Symbol.iterator]()
  return undefined
}

/** The iterator of a sequence that is still to come. What becomes of it, `next` tells. */
export function iterateLater<T>(sequence: PromiseLike<SourceIterator<T>>): SourceIterator<T> {
  return {
    next: async () => (await sequence).next(),
    // What went wrong with it, `next` has said.
    return: async () => (await sequence.then(undefined, () => undefined))?.return?.(),
  }
}

/** @throws {@link OptionError} */
export function checkSource(option: 'source' | 'producer', source: unknown): void {
  if (typeof source === 'function') return
  if (typeof source === 'object' && source !== null) {
    if (isReadableStream(source) || Symbol.asyncIterator in source || Symbol.iterator in source) return
  }
  throw new OptionError(option, source, 'an iterable, a ReadableStream, or a function')
}

/** What waits for an aborted signal throws: a source that cleans up may meet it again. */
export function isAbortError(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'name' in error && error.name === 'AbortError'
}

/** What a pump needs of the stream it fills. */
export interface PumpTarget<T> {
  readonly runtime: Runtime
  readonly stream: Pick<Connection, 'isReady' | 'ready' | 'close' | 'signal'>
  send(value: T): void
  /** The source failed: ends the stream. */
  fail(error: unknown): void
  /** The source failed to end. */
  onError(error: unknown): void
}

/**
 * Sends what the iterator gives, as fast as the stream takes it, and closes the stream at its end.
 *
 * If the stream closes first, `return` is called, exactly once and at once, even while a `next` is pending: a generator
 * that waits for something finishes when that settles, or when the stream's `signal` makes it.
 */
export async function pump<T>(iterator: SourceIterator<T>, target: PumpTarget<T>): Promise<void> {
  const { stream } = target
  const pace = new Pace(target.runtime)
  // False once the iterator has ended, by itself or by `return`.
  let running = true
  const leave = async (): Promise<void> => {
    if (!running) return
    running = false
    try {
      await iterator.return?.()
    } catch (error) {
      if (!isAbortError(error)) target.onError(error)
    }
  }
  const onAbort = (): void => void leave()
  stream.signal.addEventListener('abort', onAbort, { once: true })
  try {
    // Without a wait that is not needed: it would be a third of what an event costs.
    while (stream.isReady || (await stream.ready())) {
      const share = pace.step()
      if (share !== undefined) {
        await share
        continue
      }
      let result: IteratorResult<T, unknown>
      try {
        result = await iterator.next()
      } catch (error) {
        running = false
        throw error
      }
      if (!running) return
      if (result.done === true) {
        running = false
        stream.close()
        return
      }
      target.send(result.value)
    }
  } catch (error) {
    target.fail(error)
  } finally {
    stream.signal.removeEventListener('abort', onAbort)
    await leave()
  }
}
