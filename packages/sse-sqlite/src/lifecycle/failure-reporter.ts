/** Reports each kind of failure once until it is cleared, since every round of maintenance may fail in the same way. */
export class FailureReporter {
  readonly #onError: (error: unknown) => void
  readonly #reported = new Set<string>()

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  readonly report = (error: unknown): void => {
    const text = error instanceof Error ? `${error.constructor.name}: ${error.message}` : String(error)
    // Bounded, in case every text is different.
    if (this.#reported.has(text) || this.#reported.size >= 100) return
    this.#reported.add(text)
    this.#onError(error)
  }

  /** Everything works again. */
  clear(): void {
    this.#reported.clear()
  }
}
