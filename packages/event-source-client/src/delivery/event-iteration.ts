import type { DecodedEvent } from '../stream-event.ts'
import type { EventQueue } from './event-queue.ts'

/** All iterators of a client: they take from one queue, so each event is one iterator's. */
export interface EventIteration {
  /** An iterator was given an event, and has not asked beyond it yet. */
  readonly isBusy: boolean
  /** As of the last event that an iterator was given. */
  readonly lastEventId: string
  /** @param leave - Called when the iterator is left before the end. */
  readonly iterate: (leave: () => void) => AsyncIterableIterator<DecodedEvent, undefined>
}

/**
 * @param count - Called with 1 for one more iterator, and with -1 for one less.
 * @param save - An iterator is done with the event that it was given.
 */
export function createEventIteration(
  queue: Pick<EventQueue<DecodedEvent>, 'take' | 'takeNow'>,
  count: (by: 1 | -1) => void,
  save: (lastEventId: string) => void,
): EventIteration {
  let isBusy = false
  let lastEventId = ''

  return {
    get isBusy() {
      return isBusy
    },
    get lastEventId() {
      return lastEventId
    },
    iterate(leave) {
      let isDone = false
      count(1)

      function finish(): IteratorReturnResult<undefined> {
        if (!isDone) count(-1)
        isDone = true
        return { done: true, value: undefined }
      }

      return {
        async next() {
          if (isDone) return finish()
          // Asking for the next event says that the last one is done.
          if (isBusy) save(lastEventId)
          isBusy = false
          const event = queue.takeNow() ?? (await queue.take())
          if (!event) return finish()
          isBusy = true
          ;({ lastEventId } = event)
          return { done: false, value: event }
        },
        async return() {
          const isLeft = !isDone
          finish()
          if (isLeft) leave()
          return finish()
        },
        [Symbol.asyncIterator]() {
          return this
        },
      }
    },
  }
}
