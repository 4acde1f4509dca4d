import { isThenable } from '../callbacks.ts'
import { OptionError } from '../errors/option-error.ts'
import { isAbortError, iterateLater, iterateSequence } from '../respond/source.ts'
import type { Sequence, SourceIterator } from '../respond/source.ts'
import { Pace } from '../pace.ts'
import type { Runtime } from '../runtime.ts'
import type { HubEvent } from './publish-options.ts'

type Production<Event> = Sequence<Event | string>

/**
 * What makes the events of a finite topic: a sequence, or a function that returns one, or a promise of one. A string is
 * its data.
 */
export type Producer<Event = HubEvent> =
  | Production<Event>
  | ((context: { readonly signal: AbortSignal }) => Production<Event> | Promise<Production<Event>>)

function iterate(source: unknown): SourceIterator<HubEvent | string> {
  const iterator = iterateSequence<HubEvent | string>(source)
  if (iterator !== undefined) return iterator
  throw new OptionError('producer', source, 'an iterable, a ReadableStream, or a function that returns one')
}

/** What a production needs of its hub. */
export interface ProductionHost {
  readonly runtime: Runtime
  readonly publish: (event: HubEvent) => Promise<unknown>
  readonly onError: (error: unknown) => void
  /** For how long a producer that is stopped may go on. */
  readonly stopMs: number
}

/**
 * Reads a producer to its end, or until `signal` aborts and `stopMs` are over. It is not waited for then: one that does not
 * listen to the signal must not hold the topic open.
 *
 * @throws what the producer, or `publish`, throws.
 */
export async function produce(
  producer: Producer,
  signal: AbortSignal,
  { runtime, publish, onError, stopMs }: ProductionHost,
): Promise<'completed' | 'cancelled'> {
  const source: unknown = typeof producer === 'function' ? producer({ signal }) : producer
  const iterator = isThenable(source) ? iterateLater(source.then(iterate)) : iterate(source)
  const pace = new Pace(runtime)
  // False once the iterator has ended, by itself or by its error.
  let running = true
  // One function for the whole production, and what it ends is replaced at each step: a promise that lives as long as the
  // production would keep every event that was raced against it.
  let endWait: (() => void) | undefined
  // Its time is over: what it gives from now on is not published.
  let isOver = signal.aborted && stopMs === 0
  let timer: unknown
  const stop = (): void => {
    isOver = true
    endWait?.()
  }
  const onAbort = (): void => {
    if (stopMs === 0) stop()
    else timer = runtime.setTimeout(stop, stopMs)
  }
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort)
  const next = (): Promise<IteratorResult<HubEvent | string, unknown> | undefined> =>
    new Promise((resolve, reject) => {
      endWait = () => resolve(undefined)
      if (isOver) endWait()
      nextOf(iterator).then(resolve, (error: unknown) => {
        running = false
        // After the abort nothing waits for it, and an AbortError is expected.
        if (signal.aborted) resolve(undefined)
        else reject(error)
      })
    })
  const leave = async (): Promise<void> => {
    try {
      await iterator.return?.()
    } catch (error) {
      if (!isAbortError(error)) onError(error)
    }
  }
  try {
    for (;;) {
      const share = pace.step()
      if (share !== undefined) await share
      const result = isOver ? undefined : await next()
      // oxlint-disable-next-line no-unnecessary-condition -- it may be over by now
      if (result === undefined || isOver) return 'cancelled'
      if (result.done === true) {
        running = false
        return signal.aborted ? 'cancelled' : 'completed'
      }
      await publish(typeof result.value === 'string' ? { data: result.value } : result.value)
    }
  } finally {
    endWait = undefined
    runtime.clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    // Not awaited: while a `next` is pending, the `return` of a generator waits for it.
    if (running) void leave()
  }
}

/** What a synchronous iterator throws is a rejection as well. */
async function nextOf<T>(iterator: SourceIterator<T>): Promise<IteratorResult<T, unknown>> {
  return iterator.next()
}
