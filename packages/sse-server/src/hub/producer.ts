import { isThenable } from '../callbacks.ts'
import { OptionError } from '../errors/option-error.ts'
import { iterateLater, iterateSequence, type Sequence, type SourceIterator } from '../respond/source.ts'
import type { HubEvent } from './hub-options.ts'

type Production = Sequence<HubEvent | string>

/**
 * What makes the events of a finite topic: a sequence, or a function that returns one, or a promise of one. A string is
 * its data.
 */
export type Producer =
  | Production
  | ((context: { readonly signal: AbortSignal }) => Production | Promise<Production>)

function iterate(source: unknown): SourceIterator<HubEvent | string> {
  const iterator = iterateSequence<HubEvent | string>(source)
  if (iterator !== undefined) return iterator
  throw new OptionError('producer', source, 'an iterable, a ReadableStream, or a function that returns one')
}

/**
 * Reads a producer to its end, or until `signal` aborts. It is not waited for then: one that does not listen to the
 * signal must not hold the topic open.
 *
 * @throws what the producer, or `publish`, throws.
 */
export async function produce(
  producer: Producer,
  signal: AbortSignal,
  publish: (event: HubEvent) => Promise<unknown>,
  onError: (error: unknown) => void,
): Promise<'completed' | 'cancelled'> {
  const source: unknown = typeof producer === 'function' ? producer({ signal }) : producer
  const iterator = isThenable(source) ? iterateLater(source.then(iterate)) : iterate(source)
  const aborted = new Promise<'aborted'>((resolve) => {
    if (signal.aborted) resolve('aborted')
    else signal.addEventListener('abort', () => resolve('aborted'), { once: true })
  })
  // False once the iterator has ended, by itself or by its error.
  let running = true
  const next = async (): Promise<IteratorResult<HubEvent | string, unknown>> => {
    try {
      return await iterator.next()
    } catch (error) {
      running = false
      // After the abort nobody waits for it, and an AbortError is what is to be expected.
      if (signal.aborted) return { done: true, value: undefined }
      throw error
    }
  }
  const leave = async (): Promise<void> => {
    try {
      await iterator.return?.()
    } catch (error) {
      onError(error)
    }
  }
  try {
    for (;;) {
      const result = await Promise.race([next(), aborted])
      if (result === 'aborted' || signal.aborted) return 'cancelled'
      if (result.done === true) {
        running = false
        return 'completed'
      }
      await publish(typeof result.value === 'string' ? { data: result.value } : result.value)
    }
  } finally {
    // Not awaited: beside a pending `next`, the `return` of a generator waits for it.
    if (running) void leave()
  }
}
