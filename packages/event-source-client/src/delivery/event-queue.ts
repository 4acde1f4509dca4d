/**
 * - `pause`: reading from the socket pauses until the reader has caught up by half; TCP then pushes back on the server.
 * - `drop-oldest`: the oldest waiting events make room, and the reader is told by a `stream.gap` event in their place.
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

interface Slot<Item> {
  readonly item?: Item
  readonly error?: Error
  readonly sizeBytes: number
  next?: Slot<Item> | undefined
}

interface Taker<Item> {
  resolve(item: Item | undefined): void
  reject(error: unknown): void
}

/**
 * A linked list: it takes from its front and adds to its end at no cost that grows with its length.
 *
 * @param onLevel - Called when `isFull` changes: true at `maxBytes`, false again at half of it.
 * @param describeDrop - Makes the item that takes the place of dropped ones, from the first that is kept.
 */
export function createEventQueue<Item>(
  maxBytes: number,
  policy: QueueOverflowPolicy,
  onLevel: () => void,
  describeDrop: (firstKept: Item) => Item,
): EventQueue<Item> {
  let first: Slot<Item> | undefined
  let last: Slot<Item> | undefined
  let bufferedBytes = 0
  let isFull = false
  let hasDropped = false
  let isEnded = false
  const takers: Taker<Item>[] = []

  function setFull(value: boolean): void {
    if (isFull === value) return
    isFull = value
    onLevel()
  }

  function add(slot: Slot<Item>): void {
    if (isEnded) return
    if (last) last.next = slot
    else first = slot
    last = slot
    bufferedBytes += slot.sizeBytes
    settle()
  }

  function fail(error: Error): void {
    add({ error, sizeBytes: 0 })
  }

  function shift(): Slot<Item> | undefined {
    const slot = first
    if (slot) {
      first = slot.next
      last = first && last
      // An old slot that pointed to a young one would keep it until the next full garbage collection.
      slot.next = undefined
      bufferedBytes -= slot.sizeBytes
    }
    return slot
  }

  function settle(): void {
    while (takers.length > 0) {
      const slot = nextSlot()
      if (!slot && !isEnded) return
      const taker = takers.shift()
      if (slot?.error) taker?.reject(slot.error)
      else taker?.resolve(slot?.item)
    }
    relax()
  }

  function relax(): void {
    if (bufferedBytes <= maxBytes / 2) setFull(false)
  }

  function nextSlot(): Slot<Item> | undefined {
    if (!hasDropped || first?.item === undefined) return shift()
    hasDropped = false
    return { item: describeDrop(first.item), sizeBytes: 0 }
  }

  return {
    get isFull() {
      return isFull
    },
    get isEmpty() {
      return !first
    },
    push(item, sizeBytes) {
      add({ item, sizeBytes })
      const isTooMuch = bufferedBytes > maxBytes
      if (policy === 'pause' && isTooMuch) setFull(true)
      // A single event above the limit is kept: the reader would never see it otherwise.
      if (policy === 'drop-oldest')
        while (bufferedBytes > maxBytes && first !== last) hasDropped = Boolean(shift())
      return !isTooMuch || policy !== 'fail'
    },
    takeNow() {
      // A failure has to reject, and those who ask first are served first.
      if (takers.length > 0 || first?.error) return undefined
      const slot = nextSlot()
      relax()
      return slot?.item
    },
    take() {
      return new Promise((resolve, reject) => {
        takers.push({ resolve, reject })
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
      first = last = undefined
      bufferedBytes = 0
      hasDropped = false
      setFull(false)
    },
  }
}
