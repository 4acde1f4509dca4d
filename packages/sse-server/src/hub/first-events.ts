import { OptionError } from '../errors/option-error.ts'
import { iterateSequence, pump } from '../respond/source.ts'
import type { PumpTarget } from '../respond/source.ts'
import type { OwnEvent, SubscribeOptions } from './hub-options.ts'

/**
 * Sends the events that come before those of the topics, as fast as the reader takes them.
 *
 * @returns whether all were sent: false if the connection ended before.
 * @throws what the source throws.
 */
export function sendFirstEvents(
  first: NonNullable<SubscribeOptions['first']>,
  position: string,
  {
    stream,
    ...target
  }: Omit<PumpTarget<OwnEvent>, 'fail' | 'stream'> & {
    readonly stream: Omit<PumpTarget<OwnEvent>['stream'], 'close'>
  },
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const begin = async (): Promise<void> => {
      const source: unknown = await first({ position, signal: stream.signal })
      const iterator = iterateSequence<OwnEvent>(source)
      if (iterator === undefined) throw new OptionError('first', source, 'a function that returns a sequence')
      const observed = {
        get isReady() {
          return stream.isReady
        },
        ready: () => stream.ready(),
        close: () => resolve(true),
        signal: stream.signal,
      }
      await pump(iterator, { ...target, fail: reject, stream: observed })
      resolve(false)
    }
    begin().catch(reject)
  })
}
