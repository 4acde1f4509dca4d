import type { Runtime } from '@sse-toolkit/sse-server'
import type { LogFile } from '../file/log-file.ts'
import type { WriteQueue } from '../write/write-queue.ts'
import type { Follower } from './follower.ts'

export interface LookoutOptions {
  readonly file: LogFile
  readonly follower: Follower
  readonly queue: WriteQueue
  readonly runtime: Pick<Runtime, 'endOfTurn'>
}

/** Looks at the file for what other processes wrote, and tells the tails. */
export class Lookout {
  readonly #options: LookoutOptions
  #hasLooked = false

  constructor(options: LookoutOptions) {
    this.#options = options
  }

  /** @returns whether there was anything. */
  look(): boolean {
    const { file, follower, queue } = this.#options
    const state = file.state()
    if (follower.isUpToDate(state)) return false
    // The file lacks what this process has seen: the next turn begins a new epoch.
    if (follower.isAheadOf(state)) {
      queue.trimNow()
      return false
    }
    this.#follow()
    follower.tell()
    return true
  }

  /** Whether the path still leads to the file that is open. If not, the log goes on in the one that is there. */
  checkPlace(): void {
    const { file, queue } = this.#options
    if (!file.isInPlace) queue.reopen()
  }

  /**
   * Looks, unless it has done so in this turn of the event loop: nothing newer can have been announced since.
   *
   * It checks the place as well. Another process may already serve readers from the file that is there now: a reader that
   * comes from there must not be led back into one that was deleted.
   */
  lookOnce(): void {
    if (this.#hasLooked) return
    this.checkPlace()
    this.look()
    this.#hasLooked = true
    this.#options.runtime.endOfTurn(() => {
      this.#hasLooked = false
    })
  }

  #follow(): void {
    const { file, follower } = this.#options
    const { database } = file
    for (let isAll = false; !isAll;) {
      isAll = database.reading(() => follower.follow(database, file.state(), file.now()))
    }
  }
}
