/** One load at a time, whichever of the processes was asked for it. */
export interface LoadClaims {
  /** @returns Whether this process may begin a run. */
  claim(): Promise<boolean>
  /** Its run is over. */
  release(): void
  /**
   * Ends the run, whichever process has it.
   *
   * @returns Once it is over, whether there was one.
   */
  stop(): Promise<boolean>
  /** @param listener - Ends the run of this process; in the place of the one before, whose server is gone. */
  onStop(listener: () => void): void
}

/** Where there is one process. */
export function createLocalClaims(): LoadClaims {
  let stopRun = (): void => {}
  let released: PromiseWithResolvers<void> | undefined
  return {
    async claim() {
      if (released !== undefined) return false
      released = Promise.withResolvers()
      return true
    },
    release() {
      released?.resolve()
      released = undefined
    },
    async stop() {
      if (released === undefined) return false
      const { promise } = released
      stopRun()
      await promise
      return true
    },
    onStop(listener) {
      stopRun = listener
    },
  }
}
