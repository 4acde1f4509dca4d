/**
 * - `pause`: reading from the socket pauses until the reader has caught up by half; TCP then pushes back on the server.
 * - `drop-oldest`: the oldest waiting events are dropped, and the reader gets a `stream.gap` event in their place.
 * - `fail`: the stream is closed with a `QueueOverflowError`.
 */
export type QueueOverflowPolicy = 'pause' | 'drop-oldest' | 'fail'

/** What waits for a reader: bounded by the estimated memory, not by the number. */
export interface EventQueue<Item> {
  readonly isFull: boolean
  /** Nothing waits. */
  readonly isEmpty: boolean
  /** @returns False if there is too much now, and the policy is `fail`. */
  readonly push: (item: Item, sizeBytes: number) => boolean
  /** The next item if one waits: `take` without a promise. */
  readonly takeNow: () => Item | undefined
  /** The next item; undefined at the end. Rejects once with the error of `end`, or with a pushed failure. */
  readonly take: () => Promise<Item | undefined>
  /** Makes one `take`, in its turn, reject. */
  readonly fail: (error: Error) => void
  /** What waits is still taken. Later pushes are ignored. */
  readonly end: (error?: Error) => void
  /** What waits is dropped. */
  readonly clear: () => void
}

/** What a taker gets: one of the two. */
interface Outcome<Item> {
  readonly item?: Item
  readonly error?: Error
}

interface Slot<Item> extends Outcome<Item> {
  readonly sizeBytes: number
}

/**
 * @param onLevel - Called when `isFull` changes: true at `maxBytes`, false again at half of it.
 * @param describeDrop - Makes the item that takes the place of dropped ones, from the first that is kept.
 */
export function createEventQueue<Item>(
  maxBytes: number,
  policy: QueueOverflowPolicy,
  onLevel: () => void,
  describeDrop: (firstKept: Item) => Item,
): EventQueue<Item> {
  // Taking from the front of an array costs its length; `head` moves instead, what is before it is no longer held, and
  // the array is cut now and then. (A linked list costs the iterator 5 %: bench client.)
  let slots: (Slot<Item> | undefined)[] = []
  let head = 0
  let bufferedBytes = 0
  let isFull = false
  let hasDropped = false
  let isEnded = false
  const takers: ((item: Item | undefined | Promise<never>) => void)[] = []

  function setFull(value: boolean): void {
    if (isFull === value) return
    isFull = value
    onLevel()
  }

  function add(slot: Slot<Item>): void {
    if (isEnded) return
    slots.push(slot)
    bufferedBytes += slot.sizeBytes
    settle()
  }

  function fail(error: Error): void {
    add({ error, sizeBytes: 0 })
  }

  function shift(): Slot<Item> | undefined {
    const slot = slots[head]
    if (slot) {
      slots[head] = undefined
      head += 1
      bufferedBytes -= slot.sizeBytes
      if (head > 512 && head * 2 > slots.length) {
        slots = slots.slice(head)
        head = 0
      }
    }
    return slot
  }

  function settle(): void {
    while (takers.length > 0) {
      const outcome = nextOutcome()
      if (!outcome && !isEnded) return
      takers.shift()?.(outcome?.error ? Promise.reject(outcome.error) : outcome?.item)
    }
    relax()
  }

  function relax(): void {
    if (bufferedBytes <= maxBytes / 2) setFull(false)
  }

  function nextOutcome(): Outcome<Item> | undefined {
    const first = slots[head]
    if (!hasDropped || first?.item === undefined) return shift()
    hasDropped = false
    return { item: describeDrop(first.item) }
  }

  return {
    get isFull() {
      return isFull
    },
    get isEmpty() {
      return head === slots.length
    },
    push(item, sizeBytes) {
      add({ item, sizeBytes })
      if (bufferedBytes <= maxBytes) return true
      if (policy === 'fail') return false
      if (policy === 'pause') setFull(true)
      // A single event above the limit is kept: the reader would never see it otherwise.
      else while (bufferedBytes > maxBytes && slots.length - head > 1) hasDropped = Boolean(shift())
      return true
    },
    takeNow() {
      // A failure has to reject, and readers are served in the order in which they asked.
      if (takers.length > 0 || slots[head]?.error) return undefined
      const outcome = nextOutcome()
      relax()
      return outcome?.item
    },
    take() {
      return new Promise((resolve) => {
        takers.push(resolve)
        settle()
      })
    },
    fail,
    end(error) {
      if (error) fail(error)
      isEnded = true
      settle()
    },
    clear() {
      slots = []
      head = 0
      bufferedBytes = 0
      hasDropped = false
      setFull(false)
    },
  }
}
