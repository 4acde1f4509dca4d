/** Reports each kind of failure once, until all is well again: a client reports every attempt to connect. */
export class FailureReporter {
  readonly #onError: (error: unknown) => void
  readonly #reported = new Set<string>()

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError
  }

  readonly report = (error: unknown): void => {
    const text = error instanceof Error ? `${error.constructor.name}: ${error.message}` : String(error)
    // Bounded, should every text be another.
    if (this.#reported.has(text) || this.#reported.size >= 100) return
    this.#reported.add(text)
    this.#onError(error)
  }

  allIsWell(): void {
    this.#reported.clear()
  }
}
