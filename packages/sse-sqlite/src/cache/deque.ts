/**
 * A queue that can be indexed.
 *
 * Taking from the front empties the place and moves a mark; the array is cut when half of it is empty. So `shift` is O(1)
 * on average, where that of an array moves all that follows, and what was taken is not kept alive.
 */
export class Deque<T> {
  #items: (T | undefined)[] = []
  #first = 0

  get size(): number {
    return this.#items.length - this.#first
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    const item = this.#items[this.#first]
    if (this.size === 0) return undefined
    this.#items[this.#first] = undefined
    this.#first += 1
    if (this.#first * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#first)
      this.#first = 0
    }
    return item
  }

  at(index: number): T | undefined {
    return this.#items[this.#first + index]
  }

  get oldest(): T | undefined {
    return this.#items[this.#first]
  }

  /** The index of the first item that is not `before`, which must hold for the first items and no others. */
  partition(before: (item: T) => boolean): number {
    let low = this.#first
    let high = this.#items.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (before(this.#items[middle] as T)) low = middle + 1
      else high = middle
    }
    return low - this.#first
  }
}
