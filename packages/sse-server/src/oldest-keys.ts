/**
 * The keys of a Map or a Set, from the oldest on, for collections that are kept small by taking the oldest out.
 *
 * It goes on where it was. A new iterator for each key would step over all that were deleted before, until the collection
 * is rehashed: with 100 000 keys, as many steps each time.
 */
export class OldestKeys<Key> {
  readonly #collection: { keys(): Iterator<Key> }
  #keys: Iterator<Key>

  constructor(collection: { keys(): Iterator<Key> }) {
    this.#collection = collection
    this.#keys = collection.keys()
  }

  /** The oldest key that was not given yet, or the oldest of all once all were given; undefined if there are no keys. */
  next(): Key | undefined {
    const { done, value } = this.#keys.next()
    if (done !== true) return value
    this.#keys = this.#collection.keys()
    const first = this.#keys.next()
    return first.done === true ? undefined : first.value
  }
}
