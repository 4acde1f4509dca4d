import type { ConnectionSettings } from '../connection/connection-options.ts'
import { eventFrame } from '../connection/frame.ts'
import type { FrameQueue } from '../connection/frame-queue.ts'
import { OptionError } from '../errors/option-error.ts'
import { iterateSequence, pump } from '../respond/source.ts'
import { checkNotReserved } from '../wire-contract/reserved-events.ts'
import type { OwnEvent, SubscribeOptions } from './hub-options.ts'

/** The connection that gets the events. */
interface FirstEventsTarget {
  readonly queue: FrameQueue
  readonly settings: ConnectionSettings
  /** Aborts when the connection is gone. */
  readonly signal: AbortSignal
  /** Resolves when the output has room, or the connection is gone. */
  readonly hasRoom: () => Promise<void>
}

/**
 * Sends the events that come before those of the topics, as fast as the reader takes them.
 *
 * @param position - the id after which the events of the topics follow.
 * @returns whether all were sent: false if the connection ended before.
 * @throws what the source throws.
 */
export function sendFirstEvents(
  first: NonNullable<SubscribeOptions['first']>,
  position: string,
  { queue, settings, signal, hasRoom }: FirstEventsTarget,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const target = {
      runtime: settings.scheduler.runtime,
      stream: {
        get isReady() {
          return queue.isOpen && !queue.isBlocked
        },
        ready: async () => {
          await hasRoom()
          return queue.isOpen
        },
        close: () => resolve(true),
        signal,
      },
      send(given: OwnEvent | string) {
        const { data, event } = typeof given === 'string' ? { data: given } : given
        checkNotReserved(event)
        queue.push(eventFrame({ data, ...(event !== undefined && { event }) }, 'first'))
      },
      fail: reject,
      onError: settings.onError,
    }
    const begin = async (): Promise<void> => {
      const source: unknown = await first({ position, signal })
      const iterator = iterateSequence<OwnEvent | string>(source)
      if (iterator === undefined) throw new OptionError('first', source, 'a function that returns a sequence')
      await pump(iterator, target)
      resolve(false)
    }
    begin().catch(reject)
  })
}
