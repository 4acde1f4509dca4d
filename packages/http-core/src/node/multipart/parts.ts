/** A field of a form that is text. */
export interface MultipartText {
  readonly kind: 'text'
  readonly name: string
  readonly value: string
}

/** A file of a form. */
export interface MultipartFile {
  readonly kind: 'file'
  readonly name: string
  /**
   * As the client calls it, without a path: a claim, not a name to store it under. Empty where the client does not name
   * it, and never with a NUL in it.
   */
  readonly filename: string
  /** As the client claims it. */
  readonly mediaType: string
  /** The content as it arrives: while it is not read, the client waits. The rest is dropped when the next part is asked for. */
  readonly content: ReadableStream<Uint8Array>
}

/** One part of a form. */
export type MultipartPart = MultipartText | MultipartFile

/** See {@link readMultipart}. */
export interface MultipartLimits {
  /** @defaultValue 100 */
  readonly maxParts?: number
  /** The text of one field, in bytes. @defaultValue 65 536 */
  readonly maxTextBytes?: number
  /** One file, in bytes. @defaultValue as much as the server's `maxBodyBytes` lets through */
  readonly maxFileBytes?: number
}
