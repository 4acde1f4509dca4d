/** Functions that are called in order of their adding, each whatever the others throw. */
export interface Listeners<Argument> {
  readonly size: number
  /** @returns A function that removes the listener, and says whether it was there. The same function added twice is two. */
  readonly add: (listener: (argument: Argument) => void) => () => boolean
  /** Calls every listener that is there at the start and not removed before its turn. */
  readonly emit: (argument: Argument) => void
  readonly clear: () => void
}

export function createListeners<Argument>(): Listeners<Argument> {
  // Replaced, never changed, so that emit() needs no copy. Each has an object of its own: a function may be there twice.
  let entries: readonly { readonly listener: (argument: Argument) => void }[] = []

  return {
    get size() {
      return entries.length
    },
    add(listener) {
      const entry = { listener }
      entries = [...entries, entry]
      return () => {
        const wasThere = entries.includes(entry)
        entries = entries.filter((other) => other !== entry)
        return wasThere
      }
    },
    emit(argument) {
      const all = entries
      for (const entry of all)
        if (entries === all || entries.includes(entry))
          try {
            entry.listener(argument)
          } catch (error) {
            reportUncaught(error)
          }
    },
    clear() {
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
