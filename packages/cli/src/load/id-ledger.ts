/** Tells which events readers of one stream have missed, from their ids alone. */
export interface IdLedger {
  /** A reader that begins now: what came before is not its own. */
  open(): IdReader
  readonly lost: number
  readonly repeated: number
}

export interface IdReader {
  read(id: string): void
}

/** Ids that are known: beyond it the oldest are forgotten, and a reader so far behind counts from where it is. */
const maxKnownIds = 100_000

/**
 * The order of the ids is not known in advance, so the first reader to get one passes it to the others:
 *
 *     reader 1   a b c d e
 *     reader 2   a b   d e     c is lost
 *     reader 3     b c c d     c is repeated
 */
export function createIdLedger(): IdLedger {
  // The place of each id in the order, and the id at each place from `forgotten` on.
  const places = new Map<string, number>()
  const order: string[] = []
  let forgotten = 0
  let lost = 0
  let repeated = 0

  function append(id: string): number {
    const place = forgotten + order.length
    order.push(id)
    places.set(id, place)
    if (order.length > 2 * maxKnownIds) {
      for (const each of order.splice(0, maxKnownIds)) places.delete(each)
      forgotten += maxKnownIds
    }
    return place
  }

  return {
    open() {
      let last: number | undefined
      return {
        read(id) {
          const known = places.get(id)
          const place = known ?? append(id)
          if (last !== undefined) {
            if (place <= last) {
              repeated += 1
              return
            }
            lost += place - last - 1
          }
          last = place
        },
      }
    },
    get lost() {
      return lost
    },
    get repeated() {
      return repeated
    },
  }
}
