import { shorten } from './shorten.ts'

/**
 * - `failed`: the stream that was to be resumed failed, or the process that read it died.
 * - `interrupted`: the process that read it was stopped, or its log lost its memory.
 * - `incomplete`: part of the stream, or its end, is no longer in the log, or the hub was closed.
 */
export type ResumableStreamErrorCode = 'failed' | 'interrupted' | 'incomplete'

/** A resumable stream did not come to its end. What a reader has got is not all of it. */
export class ResumableStreamError extends Error {
  override readonly name = 'ResumableStreamError'
  readonly code: ResumableStreamErrorCode
  /** The id of the stream, shortened. */
  readonly streamId: string

  constructor(code: ResumableStreamErrorCode, streamId: string, fact: string, options?: ErrorOptions) {
    const shown = shorten(streamId)
    super(`The stream ${shown} ${fact}`, options)
    this.code = code
    this.streamId = shown
  }
}
