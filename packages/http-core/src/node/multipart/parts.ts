/** A text field of a form. */
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
   * The file name that the client gave, without a path and without NUL; empty if the client gave none. Do not trust it as a
   * name to store the file under.
   */
  readonly filename: string
  /** The media type that the client claims. */
  readonly mediaType: string
  /** The content as it arrives. While you do not read, the client waits. Asking for the next part drops the rest. */
  readonly content: ReadableStream<Uint8Array>
}

/** One part of a form. */
export type MultipartPart = MultipartText | MultipartFile

/** See {@link readMultipart}. */
export interface MultipartLimits {
  /** How many parts a form may have. @defaultValue 100 */
  readonly maxParts?: number
  /** The maximum size of a text field, in bytes. @defaultValue 65 536 */
  readonly maxTextBytes?: number
  /** The maximum size of a file, in bytes. @defaultValue Infinity: only the server's `maxBodyBytes` limits a file */
  readonly maxFileBytes?: number
}
