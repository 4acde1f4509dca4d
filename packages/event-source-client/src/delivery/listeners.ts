/** Functions that are called in order of their adding, each whatever the others throw. */
export interface Listeners<Argument> {
  readonly size: number
  /** @returns A function that removes the listener; the same function added twice is two listeners. */
  readonly add: (listener: (argument: Argument) => void) => () => void
  /** Calls every listener that is there at the start and not removed before its turn. */
  readonly emit: (argument: Argument) => void
  readonly clear: () => void
}

interface Entry<Argument> {
  readonly listener: (argument: Argument) => void
  isRemoved: boolean
}

export function createListeners<Argument>(): Listeners<Argument> {
  // Replaced, never changed, so that emit() needs no copy.
  let entries: readonly Entry<Argument>[] = []

  return {
    get size() {
      return entries.length
    },
    add(listener) {
      const entry = { listener, isRemoved: false }
      entries = [...entries, entry]
      return () => {
        entry.isRemoved = true
        entries = entries.filter((other) => other !== entry)
      }
    },
    emit(argument) {
      for (const entry of entries) {
        if (entry.isRemoved) continue
        try {
          entry.listener(argument)
        } catch (error) {
          reportUncaught(error)
        }
      }
    },
    clear() {
      for (const entry of entries) entry.isRemoved = true
      entries = []
    },
  }
}

/** As EventTarget does: the platform's handler of uncaught errors gets it, and the stream goes on. */
export function reportUncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
