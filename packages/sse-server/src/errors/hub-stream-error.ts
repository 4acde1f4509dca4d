import { shorten } from './shorten.ts'

/**
 * - `unknown-run`: nothing was stored of this run, and nothing came in time.
 * - `failed`: the process that ran it has died.
 * - `interrupted`: the hub that ran it was closed, or its log lost its memory.
 * - `incomplete`: part of the run, or its end, is no longer in the log, or the hub was closed.
 */
export type HubStreamErrorCode = 'unknown-run' | 'failed' | 'interrupted' | 'incomplete'

/** A run cannot be read to its end. What a reader has got is not all of it. */
export class HubStreamError extends Error {
  override readonly name = 'HubStreamError'
  readonly code: HubStreamErrorCode
  /** The id of the run, shortened. */
  readonly runId: string

  constructor(code: HubStreamErrorCode, runId: string, fact: string) {
    const shown = shorten(runId)
    super(`The run ${shown} ${fact}`)
    this.code = code
    this.runId = shown
  }
}
